/** What the suite runs in, as an environment prepares it. */
export interface Surroundings extends AsyncDisposable {
  /** The checkout that is tested. */
  readonly folder: string;
  /** Words before the command, for example to change the user. */
  readonly before: readonly string[];
  /** The outer Node: the one that runs npm. */
  readonly node: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A machine on which the suite must be green. */
export interface Environment {
  readonly name: string;
  /** One line for the list. */
  readonly what: string;
  /** Resolves with a reason where this machine cannot be made into it. */
  open(): Promise<Surroundings | string>;
}
