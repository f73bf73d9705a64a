import type { CommandEnvelope, CommandOutcome } from '../../contract/command.ts';
import type { WallClock } from '../../system/clock.ts';
import type { Entropy } from '../../system/entropy.ts';
import type { Executor } from '../executor.ts';
import type { Catalog } from '../handlers/handler.ts';
import type { Entry } from '../lifecycle/lifecycle.ts';
import { validateCommand } from './intake.ts';

/** A command as the journal's readers see it: of any intake, without its args. */
export type CommandView = Omit<Entry, 'args' | 'intake'> & { intake: Entry['intake'] | 'local' };

/** Commands given on the hub itself. Validated and run like the cloud's, on the same resources; the caller waits for the answer. */
export interface LocalIntake {
  /** Resolves with the finished command; never rejects. */
  execute(envelope: CommandEnvelope): Promise<CommandView>;
  /** The last local commands, oldest first. In memory only: the client has the answer. */
  entries(): readonly CommandView[];
}

/** A person at a terminal runs one at a time; some terminals are open. */
export const MAX_LOCAL_ACTIVE = 4;
/** As many as a screen shows. */
export const MAX_LOCAL_REMEMBERED = 32;

export function createLocalIntake(deps: { catalog: Catalog; executor: Executor; wallClock: WallClock; entropy: Entropy }): LocalIntake {
  const { catalog, executor, wallClock, entropy } = deps;
  let entries: CommandView[] = [];
  let active = 0;

  function record(view: CommandView): void {
    entries = [...entries.filter(({ id }) => id !== view.id), view].slice(-MAX_LOCAL_REMEMBERED);
  }

  /** The caller gets the result; what is remembered has none, for it may be as large as the installation. */
  function finish(view: CommandView, outcome: CommandOutcome): CommandView {
    const finished: CommandView = { ...view, stage: 'delivered', outcome, finishedAt: wallClock.nowMs() };
    record(outcome.status === 'SUCCEEDED' ? { ...finished, outcome: { status: 'SUCCEEDED', result: {} } } : finished);
    return finished;
  }

  return {
    async execute(envelope) {
      const id = `local-${entropy.uuid()}`;
      // A local command has no age: its client still waits. Infinity keeps the time to live out of the judgement.
      const candidate = validateCommand(envelope, {
        id,
        receivedAt: wallClock.nowMs(),
        ageSeconds: null,
        ttlSeconds: Number.POSITIVE_INFINITY,
        catalog,
      });
      const { command, receivedAt, verdict } = candidate;
      const repeatable = verdict.accept && verdict.repeatable;
      const view: CommandView = { id, intake: 'local', command, stage: 'taken', repeatable, receivedAt, finishedAt: null, outcome: null };
      if (!verdict.accept) return finish(view, verdict.outcome);
      if (active >= MAX_LOCAL_ACTIVE) {
        const message = `${MAX_LOCAL_ACTIVE} local commands already wait or run; try again when they have ended.`;
        return finish(view, { status: 'REJECTED', error: { code: 'busy', message } });
      }
      active += 1;
      record(view);
      try {
        return finish(view, await executor.execute(id, command, verdict.args));
      } finally {
        active -= 1;
      }
    },

    entries: () => entries,
  };
}
