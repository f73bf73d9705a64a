import { createHash } from 'node:crypto';

/** A release that may be started, and the system contract that it needs. Sequence 0 is the factory release. */
export interface Installed {
  sequence: number;
  requiresSystem: number;
}

/** The factory release, with any sequence. */
export const FACTORY: Installed = { sequence: 0, requiresSystem: 0 };

/** Why a request is refused; nothing of the hub has changed then. */
export type RefusalReason =
  | 'manifest_invalid'
  | 'bad_signature'
  | 'wrong_arch'
  | 'wrong_model'
  | 'system_too_old'
  | 'older_sequence'
  | 'from_too_old'
  | 'rolled_back_before'
  | 'update_running'
  | 'part_missing'
  | 'part_damaged'
  | 'disk_full'
  | 'storage_failed';

/** What a trial can report of itself. */
export type Verdict = 'healthy' | 'no_cloud' | 'job_unanswered' | 'bus_lost' | 'memory' | 'not_settled';

/** Why a release was rolled back. */
export type RollbackReason =
  | Exclude<Verdict, 'healthy'>
  | 'starts_used_up'
  | 'boots_used_up'
  | 'count_damaged'
  | 'files_missing'
  | 'deadline'
  | 'asked'
  | 'superseded';

/** Something that happened to a release on this hub. */
export interface ReleaseEvent {
  /** Of the hub's clock, which may be wrong; for people. */
  atSeconds: number;
  what: 'trial' | 'committed' | 'rolled_back' | 'refused';
  sequence: number;
  /** Which request it was: the job and its execution number, or a local one. */
  attempt: string;
  reason: RefusalReason | RollbackReason | null;
}

/** Root's record of the releases of this hub. */
export interface ReleasesState {
  current: Installed;
  previous: Installed;
  /** The highest sequence that was ever committed: what is not above it is refused. */
  highest: number;
  trial: (Installed & { attempt: string }) | null;
  /** Trials that were rolled back, the oldest first. */
  bad: readonly { sequence: number; attempt: string }[];
  /** The oldest first. */
  history: readonly ReleaseEvent[];
}

/** More than are ever looked at; the state stays under 8 KB. */
const MAX_BAD = 32;
const MAX_HISTORY = 32;
const HEAD = 'hub-agent-releases 1';
const ATTEMPT = /^[A-Za-z0-9_.:-]{1,96}$/;
const WORD = /^[a-z_]{1,32}$/;

/** Before anything was ever installed over the factory release. */
export const FIRST_STATE: ReleasesState = { current: FACTORY, previous: FACTORY, highest: 0, trial: null, bad: [], history: [] };

/** Whether a trial can have said so: it may be of a newer release than the updater, and say what this one has no name for. */
export const isVerdict = (word: unknown): word is Verdict => typeof word === 'string' && WORD.test(word);

/** Whether a text can name an attempt. */
export const isAttempt = (text: unknown): text is string => typeof text === 'string' && ATTEMPT.test(text);

const check = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** The state as lines of words, which a shell reads too. The last line proves that nothing is missing. */
export function formatState({ current, previous, highest, trial, bad, history }: ReleasesState): string {
  const lines = [
    HEAD,
    `current ${current.sequence} ${current.requiresSystem}`,
    `previous ${previous.sequence} ${previous.requiresSystem}`,
    `highest ${highest}`,
    ...(trial ? [`trial ${trial.sequence} ${trial.requiresSystem} ${trial.attempt}`] : []),
    // What is not above the highest is refused by its sequence.
    ...bad
      .filter(({ sequence }) => sequence > highest)
      .slice(-MAX_BAD)
      .map(({ sequence, attempt }) => `bad ${sequence} ${attempt}`),
    ...history
      .slice(-MAX_HISTORY)
      .map(({ atSeconds, what, sequence, attempt, reason }) => `event ${atSeconds} ${what} ${sequence} ${attempt} ${reason ?? '-'}`),
  ];
  const text = `${lines.join('\n')}\n`;
  return `${text}end ${check(text)}\n`;
}

function whole(word: string | undefined): number {
  const value = /^\d{1,16}$/.test(word ?? '') ? Number(word) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new Error('a number is damaged');
  return value;
}

function matching<T extends string>(word: string | undefined, form: RegExp): T {
  if (word === undefined || !form.test(word)) throw new Error('a word is damaged');
  return word as T;
}

function parseEvent([at, what, sequence, attempt, reason]: readonly string[]): ReleaseEvent {
  return {
    atSeconds: whole(at),
    what: matching(what, /^(?:trial|committed|rolled_back|refused)$/),
    sequence: whole(sequence),
    attempt: matching(attempt, ATTEMPT),
    reason: reason === '-' ? null : matching(reason, WORD),
  };
}

/** @throws Error when the state is damaged, or of a format that is not known */
export function parseState(text: string): ReleasesState {
  const end = text.lastIndexOf('end ');
  if (!text.startsWith(`${HEAD}\n`) || end < 0 || text.slice(end) !== `end ${check(text.slice(0, end))}\n`)
    throw new Error('the state of the releases is damaged');
  const found = { ...FIRST_STATE, bad: [] as { sequence: number; attempt: string }[], history: [] as ReleaseEvent[] };
  for (const line of text.slice(HEAD.length + 1, end).split('\n')) {
    const [key, ...words] = line.split(' ');
    const installed = () => ({ sequence: whole(words[0]), requiresSystem: whole(words[1]) });
    if (key === 'current') found.current = installed();
    else if (key === 'previous') found.previous = installed();
    else if (key === 'highest') found.highest = whole(words[0]);
    else if (key === 'trial') found.trial = { ...installed(), attempt: matching(words[2], ATTEMPT) };
    else if (key === 'bad') found.bad.push({ sequence: whole(words[0]), attempt: matching(words[1], ATTEMPT) });
    else if (key === 'event') found.history.push(parseEvent(words));
  }
  return found;
}
