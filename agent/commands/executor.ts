import type { CommandOutcome } from '../contract/command.ts';
import type { MonotonicClock } from '../system/clock.ts';
import { HubError } from '../system/errors.ts';
import type { Log } from '../system/log.ts';
import { within } from '../system/timeout.ts';
import type { Catalog, CommandHandler, Resource } from './handlers/handler.ts';
import { INTERRUPTED } from './lifecycle/entry.ts';
import { isInternal, outcomeFields, outcomeOf } from './lifecycle/outcome.ts';

type Result = Record<string, unknown>;

/** After a time-out or an abort a command has this long to end by itself; then its resource is given to the next. */
const GRACE_MS = 5_000;

/** Runs commands: one at a time on each resource, in order of arrival, never longer than their time-out. */
export interface Executor {
  /** Queues a command and resolves with its outcome; never rejects. */
  execute(id: string, command: string, args: object): Promise<CommandOutcome>;
  /** Queues the question what became of a command that the end of the last process cut; never rejects. */
  resolve(id: string, command: string): Promise<CommandOutcome>;
  /** Ends what runs and what waits (`interrupted`), waits at most the grace time for it. Later calls are answered `interrupted`. */
  stop(): Promise<void>;
  /** How many run or wait. */
  readonly active: number;
}

export function createExecutor(deps: { catalog: Catalog; clock: MonotonicClock; log: Log }): Executor {
  const { catalog, clock, log } = deps;
  const tails = new Map<Resource, Promise<unknown>>();
  const stopping = new AbortController();
  let active = 0;

  async function runHandler(handler: CommandHandler, id: string, run: (signal: AbortSignal) => Promise<Result>): Promise<CommandOutcome> {
    const late = (): never => {
      throw new HubError('timeout', `${handler.name} did not end within ${handler.timeoutMs / 1000} s.`);
    };
    const startedMs = clock.nowMs();
    try {
      const result = await within(clock, handler.timeoutMs, run, late, { signal: stopping.signal, graceMs: GRACE_MS });
      log.info({ event: 'command_succeeded', id, command: handler.name, durationMs: Math.round(clock.nowMs() - startedMs) }, 'succeeded');
      return { status: 'SUCCEEDED', result };
    } catch (error) {
      const outcome = outcomeOf(error);
      const durationMs = Math.round(clock.nowMs() - startedMs);
      const fields = { event: 'command_failed', id, command: handler.name, ...outcomeFields(outcome), durationMs };
      if (isInternal(error)) log.error({ ...fields, err: error }, 'command failed inside');
      else log.warn(fields, 'command failed');
      return outcome;
    }
  }

  /** In its turn on the command's resource. */
  async function enqueue(id: string, command: string, run: (handler: CommandHandler, signal: AbortSignal) => Promise<Result>) {
    const handler = catalog.get(command);
    if (!handler) return outcomeOf(new HubError('unknown_command', `This hub does not know the command '${command}'.`));
    active += 1;
    const before = tails.get(handler.resource) ?? Promise.resolve();
    const outcome = before.then(() => runHandler(handler, id, (signal) => run(handler, signal)));
    tails.set(handler.resource, outcome);
    try {
      return await outcome;
    } finally {
      active -= 1;
      if (tails.get(handler.resource) === outcome) tails.delete(handler.resource);
    }
  }

  return {
    get active() {
      return active;
    },

    execute: (id, command, args) =>
      enqueue(id, command, (handler, signal) => {
        log.info({ event: 'command_started', id, command }, 'command started');
        return handler.run(args, signal);
      }),

    resolve: (id, command) =>
      enqueue(id, command, async (handler, signal) => {
        const result = await handler.afterCut?.(signal);
        if (!result) throw new HubError('interrupted', INTERRUPTED);
        return result;
      }),

    async stop() {
      stopping.abort(new HubError('aborted', 'The agent is stopping.'));
      await Promise.all(tails.values());
    },
  };
}
