import { join } from 'node:path';
import { HubError, messageOf } from '../system/errors.ts';
import type { Log } from '../system/log.ts';
import { forgetState, type ResetFiles } from './forget-state.ts';
import { RESET_ASKED, type ResetKind } from './reset-notes.ts';

/** Resets that were asked for: promised on disk first, carried out when the agent is at its end, or by the next one. */
export interface Resets {
  /** Resolves with the first that is asked for. */
  readonly asked: Promise<ResetKind>;
  /** The one that is to be carried out at the end of this agent; null: none. */
  pending(): ResetKind | null;
  /**
   * Resolves once the reset cannot get lost any more, also when the power is cut. A client that has gone by then (`signal`) was notified that it
   * failed: nothing happens. @throws errors of the file system, HubError `aborted`
   */
  ask(kind: ResetKind, signal?: AbortSignal): Promise<void>;
  /** Forgets; nothing may write to the state directory any more. @throws errors of the file system */
  carryOut(kind: ResetKind): Promise<void>;
  /** Before anything reads the state: carries out what the last agent had promised and did not get to. Never throws. */
  resume(): Promise<void>;
}

export interface ResetsDeps {
  files: ResetFiles;
  stateDirectory: string;
  log: Log;
}

export function createResets({ files, stateDirectory, log }: ResetsDeps): Resets {
  const { promise: asked, resolve } = Promise.withResolvers<ResetKind>();
  let pending: ResetKind | null = null;

  async function carryOut(kind: ResetKind): Promise<void> {
    const forgotten = await forgetState(files, stateDirectory, kind, log);
    log.warn({ event: 'state_forgotten', kind, forgotten }, 'the reset is done');
  }

  return {
    asked,
    pending: () => pending,

    async ask(kind, signal) {
      const note = join(stateDirectory, `${RESET_ASKED}${kind}`);
      await files.writeAtomic(note, '');
      if (signal?.aborted && pending !== kind) {
        await files.remove(note);
        throw new HubError('aborted', 'the reset came too late: the client that requested it has gone');
      }
      if (pending !== 'factory') pending = kind;
      resolve(kind);
    },

    carryOut,

    async resume() {
      try {
        const names = new Set(await files.list(stateDirectory));
        // The one that forgets more.
        const kind = (['factory', 'state'] as const).find((each) => names.has(`${RESET_ASKED}${each}`));
        if (!kind) return;
        log.warn({ event: 'reset_resumed', kind }, 'a reset was requested and not done when the agent ended');
        await carryOut(kind);
      } catch (error) {
        log.error({ event: 'reset_failed', reason: messageOf(error) }, 'a requested reset cannot be carried out');
      }
    },
  };
}
