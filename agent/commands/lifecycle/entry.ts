import type { CommandOutcome } from '../../contract/command.ts';
import type { CommandErrorCode } from '../../system/errors.ts';

/**
 * How far a command has come.
 *
 *   seen ──(gone from `desired`)──▶ taken ──(executed)──▶ finished ──(acknowledged)──▶ delivered
 *     └──────────────(refused, expired: the outcome is known before)──────▲
 *
 * A command is executed only after it is gone from `desired`: credentials are cleared first, work comes second.
 */
export type Stage = 'seen' | 'taken' | 'finished' | 'delivered';

/** Where a command came from, and so how it is taken and answered. */
export type IntakeName = 'shadow' | 'executions';

/** One command in the journal. */
export interface Entry {
  id: string;
  intake: IntakeName;
  command: string;
  stage: Stage;
  /** May run again after a crash (it only reads). */
  repeatable: boolean;
  /** Validated args; null when they are not known (any more). Written to the journal only for repeatable commands: others may hold credentials. */
  args: object | null;
  /** Epoch milliseconds. */
  receivedAt: number;
  finishedAt: number | null;
  /** Known from `finished` on, or earlier for what is refused. Dropped once delivered. */
  outcome: CommandOutcome | null;
  /** It only reads, and could not be journaled: it runs while it still stands in `desired`, and is cleared with its answer. Never on the disk. */
  ahead?: true;
  /** What is kept of the outcome once it is delivered. Not in the records of older agents. */
  answered?: Answered;
}

/** How a command was answered: no result, no wording, no args. */
export interface Answered {
  status: CommandOutcome['status'];
  /** The error's code; null after success. */
  code: CommandErrorCode | null;
}

/** What stays of an entry whose answer is acknowledged. */
export function delivered(entry: Entry): Entry {
  const { outcome } = entry;
  const answered = outcome && { status: outcome.status, code: 'error' in outcome ? outcome.error.code : null };
  return { ...entry, stage: 'delivered', outcome: null, args: null, ...(answered && { answered }) };
}

/** What an intake holds, already validated: a pure function of the message, made before the machine sees it. */
export interface Candidate {
  id: string;
  command: string;
  receivedAt: number;
  /** `accept`, or the outcome that refuses it without running it. */
  verdict: { accept: true; repeatable: boolean; args: object } | { accept: false; outcome: CommandOutcome };
}

/** A command that the reported `lastCommand` shows as IN_PROGRESS. */
export interface InProgress {
  id: string;
  command: string;
  receivedAt: number;
}

/** Commands that wait for another to end; one more is refused as `busy` (contract, "Commands"). */
export const MAX_WAITING = 16;
/** Delivered commands remembered against re-delivery. A shadow's view and its version already rule it out; this is the second fence. */
export const MAX_REMEMBERED = 64;
/** Answers that wait to be delivered. Commands come only while the link stands, so this many wait only when the cloud refuses them for long. */
export const MAX_UNDELIVERED = 64;
/** Results that wait to be delivered, in memory and on disk: ten of the largest installations' node lists. */
export const MAX_OUTBOX_BYTES = 4 * 1024 * 1024;

/** The error of a command that was cut, and whose outcome is unknown. */
export const INTERRUPTED = 'The hub restarted while the command was running; send it again if it is still wanted.';

/** The outcome of a command that may not run again after its process died. */
export function interrupted(): CommandOutcome {
  return { status: 'FAILED', error: { code: 'interrupted', message: INTERRUPTED } };
}

/** The outcome of a command that cannot be journaled. `reason`: the error with its path. */
export function unjournaled(reason: string | null = null): CommandOutcome {
  const message = `The hub cannot write its journal (${reason ?? 'disk full or broken'}): the command was not run.`;
  return { status: 'FAILED', error: { code: 'internal', message } };
}

function busy(): CommandOutcome {
  return { status: 'REJECTED', error: { code: 'busy', message: 'Too many commands are waiting on this hub; send it again later.' } };
}

/** The entry of a new command: `seen`, with an outcome when it is refused by its verdict or for want of room. */
export function admitted(entries: readonly Entry[], candidate: Candidate, intake: IntakeName): Entry {
  const { verdict } = candidate;
  const outcome = verdict.accept ? (isOutboxFull(entries) || isQueueFull(entries, candidate.command) ? busy() : null) : verdict.outcome;
  return {
    id: candidate.id,
    intake,
    command: candidate.command,
    stage: 'seen',
    repeatable: verdict.accept && verdict.repeatable,
    args: verdict.accept && outcome === null ? verdict.args : null,
    receivedAt: candidate.receivedAt,
    finishedAt: outcome === null ? null : candidate.receivedAt,
    outcome,
  };
}

/** The entry of a command that the cloud sees running and the journal does not know: its answer is that its end is not known. */
export function orphaned(inProgress: InProgress): Entry {
  return {
    ...inProgress,
    intake: 'shadow',
    stage: 'finished',
    repeatable: false,
    args: null,
    finishedAt: inProgress.receivedAt,
    outcome: interrupted(),
  };
}

function isQueueFull(entries: readonly Entry[], command: string): boolean {
  const active = entries.filter((entry) => entry.stage === 'taken' || (entry.stage === 'seen' && entry.outcome === null));
  // One of each name runs: every command has a resource of its own.
  const names = new Set(active.map((entry) => entry.command));
  return names.has(command) && active.length - names.size >= MAX_WAITING;
}

const awaitsDelivery = (entry: Entry) => entry.stage === 'finished' || (entry.stage === 'seen' && entry.outcome !== null);

/** True when no more answers may wait. */
export function isOutboxFull(entries: readonly Entry[]): boolean {
  return entries.length >= MAX_UNDELIVERED && entries.filter(awaitsDelivery).length >= MAX_UNDELIVERED;
}

/**
 * The outcome as it may wait for its delivery. What came first keeps its result; when the room is used up, a new result is left out and
 * the answer says so. Status and errors are always kept.
 */
export function fitOutbox(entries: readonly Entry[], outcome: CommandOutcome): CommandOutcome {
  if (outcome.status !== 'SUCCEEDED') return outcome;
  const bytes = resultBytes(outcome);
  const used = entries.filter(awaitsDelivery).reduce((sum, entry) => sum + resultBytes(entry.outcome), 0);
  if (used + bytes <= MAX_OUTBOX_BYTES) return outcome;
  const reason = `The result of ${bytes} bytes was left out: ${used} of ${MAX_OUTBOX_BYTES} bytes were waiting to be delivered.`;
  return { status: outcome.status, result: { resultDropped: reason } };
}

function resultBytes(outcome: CommandOutcome | null): number {
  return outcome?.status === 'SUCCEEDED' ? Buffer.byteLength(JSON.stringify(outcome.result)) : 0;
}
