import { expect, test } from 'vitest';
import type { EventBody, FrameEvent, PollsEvent } from '../../../../scripts/demo/page/model/events.ts';
import { tapLine } from '../../../../scripts/demo/page/taps/line.ts';
import { encodeFrame } from '../../../twins/osdp-line/frame.ts';
import type { LineFrame } from '../../../twins/osdp-line/index.ts';

/** A line that carries what it is told to. */
function createTapped() {
  const events: (EventBody & { at: number | undefined })[] = [];
  let carry: (frame: LineFrame) => void = () => {};
  tapLine({
    line: {
      onFrame(handler) {
        carry = handler;
        return () => {};
      },
    },
    emit: (body, at) => events.push({ ...body, at }),
    epochOf: (ms) => 1_000_000 + ms,
  });
  return {
    events,
    frames: () => events.filter((event): event is FrameEvent & { at: number } => event.kind === 'frame'),
    polls: () => events.filter((event): event is PollsEvent & { at: number } => event.kind === 'polls'),
    send(atMs: number, address: number, code: number, data: number[] = [], block: number[] | null = null, sequence = 1) {
      const reply = code < 0x60 || code === 0x76 + 0x100;
      const bytes = encodeFrame(
        { address, reply, sequence, check: 'crc', block: block && Uint8Array.from(block), code: code & 0xff, data: Uint8Array.from(data) },
        block && block[1]! >= 0x15 ? () => new Uint8Array(4) : undefined,
      );
      carry({ from: reply ? address : 'panel', atMs, bytes });
    },
  };
}

const [POLL, ID, KEYSET, ACK, PDID, RAW, NAK] = [0x60, 0x61, 0x75, 0x40, 0x45, 0x50, 0x41];

test('quiet polls are told together, with their answer times; one without an answer is told so', () => {
  const { send, polls, frames } = createTapped();
  send(0, 1, POLL, [], null, 1);
  send(4, 1, ACK);
  send(20, 5, POLL, [], null, 1);
  send(220, 1, POLL, [], null, 2);
  send(223.24, 1, ACK);
  send(700, 1, POLL, [], null, 3);
  send(703, 1, ACK);
  expect(polls()).toEqual([
    {
      kind: 'polls',
      at: 1_000_000,
      list: [
        [0, 1, 4],
        [20, 5, null],
        [220, 1, 3.2],
      ],
    },
  ]);
  expect(frames()).toEqual([]);
});

test('what says something is told by itself, in words', () => {
  const { send, frames } = createTapped();
  send(0, 5, ID, [0]);
  send(5, 5, PDID, [0x5e, 0xca, 0x00, 1, 2, 0xef, 0xbe, 0xad, 0xde, 2, 7, 19]);
  send(10, 5, POLL, [], null, 2);
  send(12, 5, NAK, [6]);
  expect(frames().map(({ at, direction, name, text }) => [at, direction, name, text])).toEqual([
    [1_000_000, 'down', 'ID', ''],
    [1_000_005, 'up', 'PDID', 'vendor 5eca00, model 1, serial deadbeef, firmware 2.7.19'],
    [1_000_010, 'down', 'POLL', ''],
    [1_000_012, 'up', 'NAK', 'security required'],
  ]);
});

test('a request that is made again is marked', () => {
  const { send, frames } = createTapped();
  send(0, 5, POLL);
  send(50, 5, POLL);
  expect(frames().map(({ text }) => text)).toEqual(['repeated']);
});

test('neither a key nor a card is told', () => {
  const { send, events } = createTapped();
  const key = Array.from({ length: 16 }, (_, index) => 0xa0 + index);
  send(0, 5, KEYSET, [1, 16, ...key]);
  send(5, 5, ACK);
  send(10, 5, POLL, [], null, 2);
  send(12, 5, RAW, [0, 0, 26, 0, 0x96, 0x69, 0xa7, 0x2d]);
  const text = JSON.stringify(events);
  expect(text).toContain('a card of 26 bits, number masked');
  expect(text).toContain('a key, masked');
  expect(text).not.toMatch(/a0|9669|150,105|160,161/);
});

test('what went through a secure channel is said to be sealed, and not read', () => {
  const { send, frames } = createTapped();
  send(0, 5, KEYSET, [1, 2, 3], [2, 0x17]);
  send(5, 5, ACK, [], [2, 0x16]);
  expect(frames().map(({ name, sealed, text }) => [name, sealed, text])).toEqual([
    ['KEYSET', true, 'encrypted'],
    ['ACK', true, ''],
  ]);
});

test('a frame that is cut says nothing', () => {
  const { send, events } = createTapped();
  send(0, 5, PDID, [1, 2]);
  expect(events).toMatchObject([{ name: 'PDID', text: '' }]);
});
