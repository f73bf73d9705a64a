import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { applyEvent } from './model/apply.ts';
import type { HarnessEvent, RecordingHead } from './model/events.ts';
import { emptyState, type ViewState } from './model/state.ts';
import type { EventLine, Recorded } from './recorder.ts';

/** What a file may have, and what it may unpack to. */
export const MAX_FILE_BYTES = 32 * 1024 * 1024;
const MAX_TEXT_BYTES = 96 * 1024 * 1024;
const MAX_LINES = 200_000;
/** The last time that a Date can hold (ECMA-262, 21.4.1.1). */
const LATEST_MS = 8.64e15;

/** A run as one file: gzip of lines of JSON; the head, the state that it begins with, and an event on each further line. */
export function packRecording({ base, lines }: Recorded, savedAt: number): Promise<Buffer> {
  const head: RecordingHead = { format: 'hub-agent-run', version: 1, savedAt: Math.round(savedAt), events: lines.length };
  // On another thread: the harness goes on meanwhile.
  return promisify(gzip)([JSON.stringify(head), JSON.stringify(base), ...lines, ''].join('\n'));
}

/** @throws Error that says what is wrong with the file, and where */
export function unpackRecording(file: Buffer): Recorded & { head: RecordingHead } {
  if (file.length > MAX_FILE_BYTES) throw new Error(`the file has ${file.length} bytes; a recording has at most ${MAX_FILE_BYTES}`);
  const [first = '', second = '', ...rest] = unzipped(file).split('\n');
  const head = parse(first, 1) as unknown as RecordingHead;
  if (head.format !== 'hub-agent-run') throw new Error('line 1: not the head of a recording; save one on the page of "npm run demo"');
  if (head.version !== 1) throw new Error(`line 1: version ${JSON.stringify(head.version)} of the format; this one reads version 1`);
  if (!isTime(head.savedAt)) throw new Error('line 1: "savedAt" must be epoch milliseconds');
  const lines = rest.filter((line) => line !== '');
  if (lines.length > MAX_LINES) throw new Error(`${lines.length} events; at most ${MAX_LINES} are read`);
  const base = checkState(parse(second, 2));
  const shown = structuredClone(base);
  for (const [index, line] of lines.entries()) checkEvent(shown, parse(line, index + 3), index + 3);
  return { head, base, lines: lines as EventLine[] };
}

function unzipped(file: Buffer): string {
  try {
    return gunzipSync(file, { maxOutputLength: MAX_TEXT_BYTES }).toString('utf8');
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new Error(
      tooLarge ? `the file unpacks to more than ${MAX_TEXT_BYTES} bytes` : 'the file is not gzip, or was cut: save the recording again',
    );
  }
}

function parse(line: string, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {}
  throw new Error(`line ${number}: not an object of JSON; the file was cut or changed: save the recording again`);
}

const isTime = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= LATEST_MS;

/** What the page could not show is refused here, where it can be said. */
function checkEvent(shown: ViewState, event: Record<string, unknown>, number: number): void {
  const { at, kind } = event as Partial<HarnessEvent>;
  if (!isTime(at) || typeof kind !== 'string') throw new Error(`line ${number}: an event needs "at", epoch milliseconds, and "kind"`);
  try {
    applyEvent(shown, event as unknown as HarnessEvent);
  } catch {
    throw new Error(`line ${number}: the event "${kind}" has not the fields that it needs`);
  }
}

/** Every list and object that a state has must be one: what reads it does not ask again. */
function checkState(state: Record<string, unknown>): ViewState {
  const empty = emptyState();
  for (const [name, value] of Object.entries(empty)) {
    const given = state[name];
    if (typeof given !== typeof value || Array.isArray(given) !== Array.isArray(value) || given === null)
      throw new Error(`line 2: "${name}" is missing or wrong`);
    if (Array.isArray(given) && !given.every((each) => typeof each === 'object' && each !== null))
      throw new Error(`line 2: "${name}" has an entry that is no object`);
  }
  return state as unknown as ViewState;
}
