import type { CommandOutcome } from '../../contract/command.ts';
import type { Candidate, Entry, InProgress } from './entry.ts';

/**
 * The life of commands as a pure machine: `(state, event) → (state, effects)`. Its promise: in every order in which the network and the Shadow service
 * lose, repeat, delay or reorder, and wherever the process ends, a command runs once (read-only ones at least once) and is always answered.
 */
export interface CommandsState {
  link: 'down' | 'up';
  /** The newest shadow version we have heard of. While no read is in flight, what `desired` held at that version is known. */
  viewVersion: number;
  /** The version known when the read in flight was asked for; null when none is. */
  reading: number | null;
  /** The command whose conditional clear is in flight. */
  clearing: string | null;
  /** In order of arrival. */
  entries: readonly Entry[];
}

export type CommandsEvent =
  | { type: 'linkUp' }
  | { type: 'linkDown' }
  /** The answer to `readShadow`. `inProgress`: what the reported `lastCommand` shows as IN_PROGRESS. */
  | { type: 'shadowRead'; version: number; candidate: Candidate | null; inProgress: InProgress | null }
  | { type: 'readFailed' }
  | { type: 'delta'; version: number; candidate: Candidate | null }
  /** One of our own updates was accepted; `cleared` names the command that it cleared. */
  | { type: 'updated'; version: number; cleared: string | null }
  /** The clear was not done (`conflict`), or it is not known (`uncertain`). */
  | { type: 'clearFailed'; id: string; reason: 'conflict' | 'uncertain' }
  /** A request of an intake with ids of its own. */
  | { type: 'requested'; candidate: Candidate }
  | { type: 'executed'; id: string; outcome: CommandOutcome; at: number }
  | { type: 'delivered'; id: string }
  /** The journal could not be written, and nothing that needs the record may happen. `pending`: what was to follow for this command. */
  | { type: 'persistFailed'; id: string; at: number; reason?: string | null; pending: readonly CommandsEffect[] };

/** Effects are carried out in order (batch.ts). The first three write to the journal; what follows waits until that is durable. */
export type CommandsEffect =
  | { type: 'persist'; id: string }
  /** Marks the record on disk as answered, which needs no room. */
  | { type: 'conclude'; id: string }
  /** Removes the record of an entry that is not remembered any more. */
  | { type: 'forget'; id: string }
  | { type: 'readShadow'; retry: boolean }
  | { type: 'clear'; id: string; version: number }
  | { type: 'execute'; id: string }
  /** Finds out what became of a run that the end of the last process cut. */
  | { type: 'resolve'; id: string }
  | { type: 'deliver'; id: string }
  /** Answers once without keeping anything: no more answers may wait. */
  | { type: 'refuse'; entry: Entry };

/** What an event makes of the commands, and what is to be done, in this order. */
export interface Step {
  state: CommandsState;
  effects: readonly CommandsEffect[];
}
