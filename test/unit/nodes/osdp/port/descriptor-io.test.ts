import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createDescriptorIo, type DescriptorPoller } from '../../../../../agent/nodes/osdp/port/descriptor-io.ts';
import { unguarded } from '../../../../../agent/system/guard.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';

const errno = (code: string) => Object.assign(new Error(code), { code });

/** A descriptor whose kernel takes and gives what the test says. */
function createRig(baudRate = 9600) {
  const clock = createSteppedClock();
  const polled: number[] = [];
  const events = new EventEmitter();
  const poller = Object.assign(events, { poll: (flags = 0) => void polled.push(flags) }) as unknown as DescriptorPoller;
  const reads: (Buffer | Error)[] = [];
  const room: (number | Error)[] = [];
  const written: number[] = [];
  const heard: Buffer[] = [];
  const lost: string[][] = [];
  const io = createDescriptorIo({
    fd: 7,
    poller,
    clock,
    baudRate,
    guard: unguarded,
    onData: (bytes) => heard.push(bytes),
    onLost: (reason, detail) => lost.push([reason, detail]),
    calls: {
      read(_fd, into) {
        const next = reads.shift() ?? errno('EAGAIN');
        if (next instanceof Error) throw next;
        return next.copy(into);
      },
      write(_fd, bytes) {
        const next = room.shift() ?? bytes.length;
        if (next instanceof Error) throw next;
        written.push(...bytes.subarray(0, next));
        return Math.min(next, bytes.length);
      },
    },
  });
  io.start();
  return {
    clock,
    polled,
    emit: (event: string, error: unknown = null) => events.emit(event, error),
    reads,
    room,
    written,
    heard,
    lost,
    io,
  };
}

test('what is there is read once it is told of, and each piece stands for itself', () => {
  const rig = createRig();
  rig.reads.push(Buffer.from([1, 2]), errno('EINTR'), Buffer.from([3]));
  for (let times = 0; times < 4; times += 1) rig.emit('readable');
  expect(rig.heard).toEqual([Buffer.from([1, 2]), Buffer.from([3])]);
  // At the start, and again after each event: the library tells of one.
  expect(rig.polled).toEqual([1, 1, 1, 1, 1]);
  expect(rig.lost).toEqual([]);
});

test('the end of file, a failed read, a failed poll and a failed write end it once', () => {
  const failures: ((rig: ReturnType<typeof createRig>) => void)[] = [
    (rig) => rig.reads.push(Buffer.alloc(0)) && rig.emit('readable'),
    (rig) => rig.reads.push(errno('EIO')) && rig.emit('readable'),
    (rig) => rig.emit('readable', errno('EBADF')),
    (rig) => rig.room.push(errno('EIO')) && rig.io.write(Buffer.from([1])),
  ];
  for (const fail of failures) {
    const rig = createRig();
    fail(rig);
    rig.emit('readable');
    rig.io.write(Buffer.from([2]));
    expect(rig.lost).toEqual([['lost', expect.stringContaining('went away')]]);
    expect([rig.heard, rig.written]).toEqual([[], []]);
  }
});

test('what the kernel does not take waits in order, also when the caller uses its buffer again', () => {
  const rig = createRig();
  const bytes = Buffer.from([1, 2, 3]);
  rig.room.push(1, errno('EAGAIN'), 1);
  rig.io.write(bytes);
  bytes.fill(9);
  rig.io.write(Buffer.from([4]));
  expect(rig.polled.at(-1)).toBe(3);
  rig.emit('writable');
  rig.emit('writable');
  expect(rig.written).toEqual([1, 2]);
  rig.emit('writable');
  expect(rig.written).toEqual([1, 2, 3, 4]);
  rig.emit('writable');
  rig.io.write(Buffer.from([5]));
  expect(rig.written).toEqual([1, 2, 3, 4, 5]);
});

test('a port that takes nothing for two seconds is stalled', async () => {
  const rig = createRig();
  rig.room.push(0);
  rig.io.write(Buffer.from([1]));
  await rig.clock.advance(2_000);
  rig.io.write(Buffer.from([2]));
  expect(rig.lost).toEqual([]);
  await rig.clock.advance(1);
  rig.io.write(Buffer.from([3]));
  expect(rig.lost).toEqual([['stalled', 'takes no more bytes']]);
});

test('after its end nothing is read or told', () => {
  const rig = createRig();
  rig.reads.push(Buffer.from([1]));
  rig.io.end();
  rig.emit('readable');
  rig.emit('readable', errno('ECANCELED'));
  rig.io.write(Buffer.from([1]));
  expect([rig.heard, rig.written, rig.lost]).toEqual([[], [], []]);
});

test('on a slow line the first byte of an answer is read at once, the rest of the shortest answer together', () => {
  const rig = createRig(9600);
  rig.io.write(Buffer.from([1]));
  rig.reads.push(Buffer.from([0x53]), Buffer.alloc(5), Buffer.alloc(1), Buffer.alloc(1));
  rig.emit('readable');
  expect([rig.heard.length, rig.polled.length]).toEqual([1, 1]);
  // Six bytes at 9600 baud take 6.25 ms: it looks again before the last of them has come.
  rig.clock.step(4);
  expect(rig.polled.length).toBe(1);
  rig.clock.step(1);
  expect(rig.polled.length).toBe(2);
  for (const polls of [3, 4]) {
    rig.emit('readable');
    expect(rig.polled.length).toBe(polls);
  }
  expect(rig.clock.timers).toBe(0);
});

test.each([
  ['on a fast line', 38_400, 1, true],
  ['after the shortest answer', 9_600, 7, true],
  ['without a request', 9_600, 1, false],
])('%s it does not wait', (_when, baudRate, bytes, asks) => {
  const rig = createRig(baudRate);
  if (asks) rig.io.write(Buffer.from([1]));
  rig.reads.push(Buffer.alloc(bytes));
  rig.emit('readable');
  expect(rig.polled.length).toBe(2);
});

test('a port that is closed or lost meanwhile is not looked at again', () => {
  for (const end of ['end', 'lose'] as const) {
    const rig = createRig(9600);
    rig.io.write(Buffer.from([1]));
    rig.reads.push(Buffer.from([0x53]), Buffer.alloc(0));
    rig.emit('readable');
    if (end === 'end') rig.io.end();
    else rig.emit('readable');
    rig.clock.step(1_000);
    expect([rig.polled.length, rig.clock.timers]).toEqual([1, 0]);
  }
});

test('while it is held nothing wakes the process; what came is read when it is taken, and the rest as it comes', () => {
  const rig = createRig(115_200);
  rig.io.hold();
  rig.reads.push(Buffer.from([1, 2]), errno('EAGAIN'), Buffer.from([3]));
  rig.emit('readable');
  expect([rig.heard, rig.polled.at(-1)]).toEqual([[], 0]);
  rig.io.take();
  expect([rig.heard, rig.polled.at(-1)]).toEqual([[Buffer.from([1, 2])], 1]);
  rig.io.hold();
  rig.io.take();
  expect(rig.polled.at(-1)).toBe(1);
  rig.emit('readable');
  expect(rig.heard).toEqual([Buffer.from([1, 2]), Buffer.from([3])]);
});

test('a port that went away while it was held is lost when it is taken', () => {
  const rig = createRig();
  rig.io.hold();
  rig.reads.push(errno('EIO'));
  rig.io.take();
  expect(rig.lost).toEqual([['lost', expect.stringContaining('went away')]]);
  rig.io.hold();
  rig.io.take();
  expect(rig.lost.length).toBe(1);
});

test('bytes that the kernel did not take are written while it is held', () => {
  const rig = createRig();
  rig.io.hold();
  rig.room.push(1);
  rig.io.write(Buffer.from([1, 2]));
  expect(rig.polled.at(-1)).toBe(2);
  rig.emit('writable');
  expect(rig.written).toEqual([1, 2]);
});
