import { expect, test } from 'vitest';
import type { BusTrace } from '../../../../../agent/contract/trace.ts';
import { createLineTrace } from '../../../../../agent/nodes/osdp/bus/trace.ts';
import { COMMAND, REPLY, SECURITY } from '../../../../../agent/nodes/osdp/codec/codes.ts';
import { decodeFrame, encodeFrame, type FrameToSend } from '../../../../../agent/nodes/osdp/codec/frame.ts';
import type { Line, Outcome } from '../../../../../agent/nodes/osdp/port/line.ts';

const frameOf = (frame: FrameToSend) => decodeFrame(encodeFrame(frame).subarray(1))!;

/** A line that answers every request with `outcome`. */
function setup(outcome: Outcome) {
  const trace = createLineTrace({ bus: 'rs485', wallClock: { nowMs: () => 7 } });
  const line: Line = { transact: async () => outcome, receive: () => {}, fail: () => {} };
  const heard: BusTrace[] = [];
  const request = (frame: FrameToSend) =>
    trace.watch(line).transact({ bytes: encodeFrame(frame), address: frame.address, windowMs: 1, answers: () => true });
  return { trace, heard, request, listen: () => trace.onTrace((each) => heard.push(each)) };
}

const reply = (frame: Omit<FrameToSend, 'address' | 'sequence' | 'reply'>): Outcome => ({
  kind: 'reply',
  frame: frameOf({ ...frame, address: 5, sequence: 1, reply: true }),
  firstByteMs: 2.25,
});
const POLL: FrameToSend = { address: 5, sequence: 1, code: COMMAND.poll };

test('shows request and answer', async () => {
  const { heard, request, listen } = setup(reply({ code: REPLY.ack }));
  listen();
  await request(POLL);
  expect(heard).toEqual([
    { at: 7, bus: 'rs485', kind: 'sent', address: 5, name: 'POLL', sequence: 1, bytes: 8, security: null, text: '' },
    { at: 7, bus: 'rs485', kind: 'received', address: 5, name: 'ACK', sequence: 1, bytes: 8, security: null, text: 'after 2.3 ms' },
  ]);
});

test('shows silence and noise', async () => {
  for (const [what, text] of [
    ['nothing', 'no answer'],
    ['noise', 'noise, no frame'],
  ] as const) {
    const { heard, request, listen } = setup({ kind: 'silent', heard: what });
    listen();
    await request(POLL);
    expect(heard[1]).toMatchObject({ kind: 'silence', heard: what, address: 5, text });
  }
});

test('does nothing while nobody listens', async () => {
  const { heard, request, listen } = setup(reply({ code: REPLY.ack }));
  listen()();
  await request(POLL);
  expect(heard).toEqual([]);
});

test.each([
  ['card data', reply({ code: REPLY.cardData, data: Buffer.from([0, 1, 26, 0, 0xca, 0xfe, 0xba, 0xbe]) }), 'reader 0, 26 bits [masked]'],
  ['digits', reply({ code: REPLY.keypad, data: Buffer.from([0, 4, 0x31, 0x32, 0x33, 0x34]) }), 'reader 0, 4 digits [masked]'],
  [
    'a cryptogram',
    reply({
      code: REPLY.clientCryptogram,
      security: { type: SECURITY.clientCryptogram, data: Buffer.from([1]) },
      data: Buffer.alloc(32, 0xca),
    }),
    '32 bytes [masked]',
  ],
  ['what we do not know', reply({ code: 0x99, data: Buffer.alloc(3, 0xca) }), '3 bytes [masked]'],
])('never shows %s', async (_what, outcome, text) => {
  const { heard, request, listen } = setup(outcome);
  listen();
  await request(POLL);
  expect(heard[1]!.text).toContain(text);
  expect(JSON.stringify(heard)).not.toMatch(/cafe|ca, ?ca|31323334|1234/i);
});
