import { expect, test } from 'vitest';
import { DEFAULT_TIMINGS, wireMs } from '../../../../../agent/nodes/osdp/bus/timings.ts';
import { encodeFrame, type Frame } from '../../../../../agent/nodes/osdp/codec/frame.ts';
import { createLine, type Outcome, type Request } from '../../../../../agent/nodes/osdp/port/line.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';

const BAUD = 9600;
const REQUEST = encodeFrame({ address: 5, sequence: 1, code: 0x60 });
const REQUEST_MS = wireMs(REQUEST.length, BAUD);
const reply = (address = 5, sequence: 0 | 1 | 2 | 3 = 1, code = 0x40, data?: Buffer) =>
  encodeFrame({ address, reply: true, sequence, code, ...(data && { data }) });

function createRig() {
  const clock = createSteppedClock();
  const written: Buffer[] = [];
  const strays: Frame[] = [];
  let kernel: Buffer | null = null;
  let looks = 0;
  const line = createLine({
    baudRate: BAUD,
    clock,
    timings: DEFAULT_TIMINGS,
    port: {
      write: (bytes) => written.push(Buffer.from(bytes)),
      hold() {
        kernel = Buffer.alloc(0);
      },
      take() {
        const bytes = kernel ?? Buffer.alloc(0);
        kernel = null;
        looks += 1;
        if (bytes.length > 0) line.receive(bytes);
      },
    },
    onStray: (frame) => strays.push(frame),
  });
  /** Bytes reach the hub: the agent hears them now, or when it looks. */
  const arrive = (bytes: Buffer) => {
    if (kernel) kernel = Buffer.concat([kernel, bytes]);
    else line.receive(bytes);
  };
  let outcome: Outcome | null = null;
  const transact = (over: Partial<Request> = {}) => {
    outcome = null;
    const request = { bytes: REQUEST, address: 5, windowMs: 20, answers: (frame: Frame) => frame.sequence === 1, ...over };
    void line.transact(request).then((ended) => {
      outcome = ended;
    });
  };
  const ended = (withinMs = 5_000) => clock.until(() => outcome !== null, withinMs);
  /** An unhurried question, whose answer comes byte by byte after `turnaroundMs`. Answers how often the agent woke up for it. */
  const poll = async (turnaroundMs: number, answer = reply()) => {
    let wakes = 0;
    const before = looks;
    transact({ unhurried: true, windowMs: 200 });
    await clock.advance(REQUEST_MS + turnaroundMs);
    for (const byte of answer) {
      await clock.advance(wireMs(1, BAUD));
      if (!kernel) wakes += 1;
      arrive(Buffer.from([byte]));
    }
    await ended();
    return wakes + looks - before;
  };
  return { clock, line, written, strays, transact, ended, arrive, poll, outcome: () => outcome };
}

test('an answer ends the transaction at once, and its first byte is timed from the end of the request', async () => {
  const rig = createRig();
  rig.transact();
  expect(rig.written).toEqual([REQUEST]);
  await rig.clock.advance(REQUEST_MS + 5);
  const answer = reply();
  rig.line.receive(answer.subarray(0, 1));
  await rig.clock.advance(8);
  rig.line.receive(answer.subarray(1));
  expect(await rig.ended()).toBe(0);
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
  const { firstByteMs } = rig.outcome() as { firstByteMs: number };
  expect(firstByteMs).toBeCloseTo(5);
  expect(rig.clock.timers).toBe(0);
});

test('silence is declared after the window, not before', async () => {
  const rig = createRig();
  rig.transact();
  expect(await rig.ended()).toBeCloseTo(REQUEST_MS + 20, -1);
  expect(rig.outcome()).toEqual({ kind: 'silent', heard: 'nothing' });
});

test('a long answer is waited for to its own end, however far beyond the window', async () => {
  const rig = createRig();
  rig.transact();
  const answer = reply(5, 1, 0x46, Buffer.alloc(200));
  await rig.clock.advance(REQUEST_MS + 19);
  for (const byte of answer) {
    rig.line.receive(Buffer.from([byte]));
    await rig.clock.advance(1);
  }
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
});

test('a torn answer costs one pause between bytes, not the length it claimed', async () => {
  const rig = createRig();
  rig.transact();
  await rig.clock.advance(REQUEST_MS + 5);
  rig.line.receive(Buffer.from([0x53, 0x85, 0x00, 0x05, 0x04]));
  expect(await rig.ended()).toBeLessThan(DEFAULT_TIMINGS.interByteGapMs + 5);
  expect(rig.outcome()).toEqual({ kind: 'silent', heard: 'noise' });
});

test('an answer behind a false start is found when the line falls silent', async () => {
  const rig = createRig();
  rig.transact();
  await rig.clock.advance(REQUEST_MS + 5);
  rig.line.receive(Buffer.concat([Buffer.from([0x53, 0x00, 0x00, 0x01]), reply()]));
  await rig.ended();
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
});

test('the echo of a two-wire line is neither answer nor noise, and does not lengthen the wait', async () => {
  const rig = createRig();
  rig.transact();
  rig.line.receive(REQUEST.subarray(0, 3));
  await rig.clock.advance(REQUEST_MS);
  rig.line.receive(REQUEST.subarray(3));
  const restMs = await rig.ended();
  expect(restMs).toBeLessThan(22);
  expect(rig.outcome()).toEqual({ kind: 'silent', heard: 'nothing' });
  rig.transact();
  await rig.clock.advance(REQUEST_MS + 2);
  rig.line.receive(Buffer.concat([REQUEST, reply()]));
  await rig.ended();
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
});

test('an echo without its mark, and an answer that begins like the echo, are told apart', async () => {
  const rig = createRig();
  rig.transact();
  await rig.clock.advance(REQUEST_MS + 2);
  rig.line.receive(Buffer.concat([REQUEST.subarray(1), reply()]));
  await rig.ended();
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
  rig.transact();
  await rig.clock.advance(REQUEST_MS + 2);
  const answer = reply();
  for (const byte of answer) rig.line.receive(Buffer.from([byte]));
  await rig.ended();
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
});

test('the late frame of another peripheral is told, and the one asked is waited for on', async () => {
  const rig = createRig();
  rig.transact();
  await rig.clock.advance(REQUEST_MS + 18);
  rig.line.receive(reply(9, 0, 0x45, Buffer.alloc(12)));
  expect(rig.strays.map((frame) => frame.address)).toEqual([9]);
  await rig.clock.advance(15);
  rig.line.receive(reply());
  await rig.ended();
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
});

test('an answer to an earlier request is no answer', async () => {
  const rig = createRig();
  rig.transact();
  await rig.clock.advance(REQUEST_MS);
  rig.line.receive(reply(5, 3));
  await rig.ended();
  expect(rig.outcome()).toEqual({ kind: 'silent', heard: 'stray' });
});

test('after a stall the answer that was already waiting is taken', async () => {
  const rig = createRig();
  rig.transact();
  // The timer runs late; the answer comes with the next poll of the event loop.
  rig.clock.stall(REQUEST_MS + 20 + 300);
  await rig.clock.advance(0);
  expect(rig.outcome()).toBeNull();
  rig.line.receive(reply());
  await rig.ended();
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
});

test('a device that talks without end holds the line for one longest frame only', async () => {
  const rig = createRig();
  rig.transact();
  let spentMs = 0;
  while (!rig.outcome() && spentMs < 10_000) {
    rig.line.receive(Buffer.from([0x53, 0x85, 0x9f, 0x05]));
    await rig.clock.advance(10);
    spentMs += 10;
  }
  expect(spentMs).toBeLessThan(wireMs(1440, BAUD) + 200);
  expect(rig.outcome()).toEqual({ kind: 'silent', heard: 'noise' });
});

test('a port that goes away ends the transaction and all later ones', async () => {
  const rig = createRig();
  rig.transact();
  rig.line.fail();
  await rig.ended();
  expect(rig.outcome()).toEqual({ kind: 'down' });
  rig.transact();
  await rig.ended();
  expect(rig.outcome()).toEqual({ kind: 'down' });
  expect(rig.written.length).toBe(1);
  expect(rig.clock.timers).toBe(0);
});

test('what lies about before a request does not spoil its answer', async () => {
  const rig = createRig();
  rig.line.receive(Buffer.from([0x53, 0x85, 0x00, 0x05]));
  rig.transact();
  await rig.clock.advance(REQUEST_MS + 3);
  rig.line.receive(reply());
  await rig.ended();
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
});

test('a peripheral that talks on after its answer is waited for from then on, until it mends its ways', async () => {
  const rig = createRig();
  const exchange = async (chatter: boolean) => {
    rig.transact();
    const startMs = rig.clock.nowMs();
    await rig.clock.until(() => rig.written.length > sent, 2_000);
    const waitedMs = rig.clock.nowMs() - startMs;
    sent = rig.written.length;
    await rig.clock.advance(REQUEST_MS + 3);
    rig.line.receive(reply());
    await rig.ended();
    if (chatter) void rig.clock.schedule(2, () => rig.line.receive(reply()));
    return waitedMs;
  };
  let sent = 0;
  await exchange(true);
  expect(await exchange(true)).toBe(0);
  expect(await exchange(true)).toBeGreaterThanOrEqual(7);
  const waits: number[] = [];
  for (let count = 0; count < 60; count++) waits.push(await exchange(false));
  expect(waits[1]).toBeGreaterThanOrEqual(5);
  expect(waits.at(-1)).toBe(0);
});

test('a port that goes away ends the wait for a talker too', async () => {
  const rig = createRig();
  rig.transact();
  await rig.clock.advance(REQUEST_MS + 3);
  rig.line.receive(reply());
  await rig.ended();
  rig.transact();
  rig.line.receive(reply(5, 3));
  await rig.clock.advance(REQUEST_MS + 3);
  rig.line.receive(reply());
  await rig.ended();
  rig.transact();
  expect(rig.written.length).toBe(2);
  rig.line.fail();
  await rig.ended();
  expect(rig.outcome()).toEqual({ kind: 'down' });
  expect(rig.clock.timers).toBe(0);
});

test('two transactions at once are a bug', async () => {
  const rig = createRig();
  rig.transact();
  await expect(rig.line.transact({ bytes: REQUEST, address: 6, windowMs: 20, answers: () => true })).rejects.toThrow('already running');
});

test('with time to spare the agent wakes up once for an answer, when it should be complete', async () => {
  const rig = createRig();
  expect(await rig.poll(5)).toBe(reply().length);
  for (let times = 0; times < 64; times += 1) {
    expect(await rig.poll(5)).toBe(1);
    expect(rig.outcome()).toMatchObject({ kind: 'reply' });
  }
  // Now and then it is timed anew: it may come sooner by now.
  expect(await rig.poll(2)).toBe(reply().length);
  expect(await rig.poll(2)).toBe(1);
  expect(rig.clock.timers).toBe(0);
});

test('an answer that comes later than it was expected is waited for, and expected later from then on', async () => {
  const rig = createRig();
  await rig.poll(5);
  expect(await rig.poll(9)).toBeGreaterThan(1);
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
  expect(await rig.poll(9)).toBe(1);
});

test('silence after a rest is declared when it always is, and the next questions are watched', async () => {
  const rig = createRig();
  await rig.poll(5);
  rig.transact({ unhurried: true, windowMs: 200 });
  expect(await rig.ended()).toBeCloseTo(REQUEST_MS + 200, -1);
  expect(rig.outcome()).toEqual({ kind: 'silent', heard: 'nothing' });
  expect(await rig.poll(5)).toBe(reply().length);
});

test.each([
  ['noise', Buffer.from([0x12, 0x34])],
  ['the frame of another peripheral', reply(7)],
])('after %s beside an answer the next questions are watched', async (_what, other) => {
  const rig = createRig();
  await rig.poll(5);
  expect(await rig.poll(2, Buffer.concat([other, reply()]))).toBeGreaterThan(0);
  expect(rig.outcome()).toMatchObject({ kind: 'reply' });
  for (let times = 0; times < 32; times += 1) expect(await rig.poll(5)).toBe(reply().length);
  expect(await rig.poll(5)).toBe(1);
});

test('a question with a short window, and one in a hurry, are watched', async () => {
  const rig = createRig();
  await rig.poll(5);
  for (const over of [{ unhurried: true, windowMs: 20 }, { windowMs: 200 }]) {
    rig.transact(over);
    await rig.clock.advance(REQUEST_MS + 5);
    rig.line.receive(reply().subarray(0, 1));
    await rig.clock.advance(8);
    rig.line.receive(reply().subarray(1));
    await rig.ended();
    expect((rig.outcome() as { firstByteMs: number }).firstByteMs).toBeCloseTo(5);
  }
});
