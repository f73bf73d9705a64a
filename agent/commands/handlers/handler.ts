/** What a command works on. One command at a time uses a resource; different resources work side by side. */
export type Resource = 'nodes' | 'host' | 'wifi';

/** One command of the contract. `Args` is what `parse` makes of the untrusted args: an object, since null stands for args that are not known any more. */
export interface CommandHandler<Args extends object = object> {
  readonly name: string;
  readonly resource: Resource;
  /** It only reads: after a crash it may run again, and its args may be written to the journal. */
  readonly repeatable: boolean;
  /** Longest run before it is ended with `timeout`. */
  readonly timeoutMs: number;
  /** @throws HubError `invalid_args` with a detail for each field. */
  parse(args: unknown): Args;
  /** @throws HubError; anything else is a bug and answered as `internal`. `signal` aborts on time-out and on stop. */
  run(args: Args, signal: AbortSignal): Promise<Record<string, unknown>>;
  /**
   * For a command that is not repeatable: what became of a run that the end of the process cut. Its result when it is proven to have been done,
   * null when it was not, or that is unknown: then it is answered `interrupted`. @throws HubError to be answered instead
   */
  afterCut?(signal: AbortSignal): Promise<Record<string, unknown> | null>;
}

/** The commands this hub knows, by name. */
export type Catalog = ReadonlyMap<string, CommandHandler>;

/** Makes a catalog. Handlers differ in their args; the executor only passes on what the same handler's `parse` returned. */
export function createCatalog(handlers: readonly CommandHandler[]): Catalog {
  return new Map(handlers.map((handler) => [handler.name, handler]));
}
