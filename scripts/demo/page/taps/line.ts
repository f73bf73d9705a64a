import { decodeFrame, type Frame, MARK } from '../../../../test/twins/osdp-line/frame.ts';
import type { LineFrame, OsdpLine } from '../../../../test/twins/osdp-line/index.ts';
import { REPEATED } from '../model/chapters/chapter.ts';
import type { EventBody, PollsEvent } from '../model/events.ts';
import { nameOf, wordsOf } from './osdp-words.ts';

/** Quiet polls are told together: they are most of the traffic, and say the least. */
const TOGETHER_MS = 500;
/** More in one event than a line at full speed can carry. */
const MAX_POLLS = 600;

export interface LineTapDeps {
  line: Pick<OsdpLine, 'onFrame'>;
  /** `at`: epoch milliseconds. */
  emit(body: EventBody, at?: number): void;
  /** Epoch milliseconds of a time of the line's clock. */
  epochOf(lineMs: number): number;
}

/** Turns the frames on the line into events: those that say something one by one, quiet polls in bundles. Returns how it ends. */
export function tapLine({ line, emit, epochOf }: LineTapDeps): () => void {
  let polls: PollsEvent['list'] = [];
  let startMs = 0;
  let asked: { at: number; frame: Frame } | null = null;
  const lastRequests = new Map<number, string>();

  function flush(): void {
    if (polls.length === 0) return;
    emit({ kind: 'polls', list: polls }, epochOf(startMs));
    polls = [];
  }

  function poll(atMs: number, address: number, answerMs: number | null): void {
    if (polls.length > 0 && (atMs - startMs >= TOGETHER_MS || polls.length >= MAX_POLLS)) flush();
    if (polls.length === 0) startMs = atMs;
    polls.push([tenth(atMs - startMs), address, answerMs === null ? null : tenth(answerMs)]);
  }

  function tell(frame: Frame, atMs: number, text: string): void {
    flush();
    const { address, reply, code, bytes, block } = frame;
    const direction = reply ? 'up' : 'down';
    emit(
      { kind: 'frame', direction, address, name: nameOf(reply, code), bytes: bytes.length, text, sealed: isSealed(block) },
      epochOf(atMs),
    );
  }

  /** A poll without an answer. */
  function settle(): void {
    if (asked && isQuiet(asked.frame)) poll(asked.at, asked.frame.address, null);
    asked = null;
  }

  function onRequest(frame: Frame, atMs: number): void {
    settle();
    const bytes = Buffer.from(frame.bytes).toString('latin1');
    const repeated = lastRequests.get(frame.address) === bytes && frame.sequence !== 0;
    lastRequests.set(frame.address, bytes);
    asked = { at: atMs, frame };
    if (repeated || !isQuiet(frame)) tell(frame, atMs, repeated ? REPEATED : words(frame));
  }

  function onReply(frame: Frame, atMs: number): void {
    const request = asked;
    asked = null;
    const quiet = request !== null && isQuiet(request.frame) && isQuiet(frame);
    if (quiet) {
      poll(request.at, frame.address, atMs - request.at);
      return;
    }
    if (request && isQuiet(request.frame)) tell(request.frame, request.at, '');
    tell(frame, atMs, words(frame));
  }

  return line.onFrame(({ atMs, bytes }: LineFrame) => {
    const frame = parse(bytes);
    if (!frame) return;
    if (frame.reply) onReply(frame, atMs);
    else onRequest(frame, atMs);
  });
}

const tenth = (ms: number): number => Math.round(ms * 10) / 10;

function parse(bytes: Uint8Array): Frame | null {
  const start = bytes[0] === MARK ? 1 : 0;
  return bytes.length - start < 7 ? null : decodeFrame(bytes.subarray(start));
}

/** SCS_17 and SCS_18: its data is encrypted. SCS_15 and SCS_16 have a MAC alone. */
const isSealed = (block: Uint8Array | null): boolean => (block?.[1] ?? 0) >= 0x15;
const isEncrypted = (block: Uint8Array | null): boolean => (block?.[1] ?? 0) >= 0x17;

/** POLL and ACK. */
const isQuiet = ({ reply, code }: Frame): boolean => code === (reply ? 0x40 : 0x60);

const words = ({ reply, code, data, block }: Frame): string => (isEncrypted(block) ? 'encrypted' : wordsOf(nameOf(reply, code), data));
