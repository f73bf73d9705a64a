import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PortProblem, SerialConnection } from '../../../../../agent/nodes/osdp/port/port.ts';
import { createSerialPorts } from '../../../../../agent/nodes/osdp/port/serialport.ts';
import { createMonotonicClock } from '../../../../../agent/system/clock.ts';
import { unguarded } from '../../../../../agent/system/guard.ts';
import { canBecome, NOBODY } from '../../../../support/privileges.ts';
import { createVirtualPort, type VirtualPort } from '../../../../twins/virtual-port/index.ts';

let directory: string;
let virtual: VirtualPort;
const ports = createSerialPorts({ clock: createMonotonicClock(), guard: unguarded });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'serial-'));
  virtual = await createVirtualPort({ link: join(directory, 'port') });
});
afterEach(async () => {
  await virtual.close();
  await rm(directory, { recursive: true });
});

/** Opens the virtual port and turns its callbacks into promises. */
async function openPort() {
  const received: Buffer[] = [];
  let closed: (problem: PortProblem) => void = () => {};
  let waiting: { bytes: number; resolve: () => void } | null = null;
  const closing = new Promise<PortProblem>((resolve) => {
    closed = resolve;
  });
  let closes = 0;
  const onData = (bytes: Buffer) => {
    received.push(bytes);
    if (waiting && Buffer.concat(received).length >= waiting.bytes) waiting.resolve();
  };
  const onClose = (problem: PortProblem) => {
    closes++;
    closed(problem);
  };
  const result = await ports.open(virtual.path, { baudRate: 115200 }, { onData, onClose });
  if (!result.ok) throw new Error(result.problem.message);
  const data = (bytes: number) =>
    new Promise<Buffer>((resolve) => {
      waiting = { bytes, resolve: () => resolve(Buffer.concat(received)) };
      onData(Buffer.alloc(0));
    });
  return { connection: result.connection, closing, data, closes: () => closes };
}

function heard(bytes: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let all = Buffer.alloc(0);
    const unsubscribe = virtual.onData((piece) => {
      all = Buffer.concat([all, piece]);
      if (all.length < bytes) return;
      unsubscribe();
      resolve(all);
    });
  });
}

test('every byte passes unchanged, both ways', async () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
  const { connection, data } = await openPort();
  const there = heard(256);
  connection.write(every);
  expect(await there).toEqual(every);
  virtual.write(every);
  expect(await data(256)).toEqual(every);
  await connection.close();
});

test('a port that is not there is missing, one that another holds is locked, one that is no port failed', async () => {
  const nothing = { onData: () => {}, onClose: () => {} };
  const problem = async (path: string) => {
    const result = await ports.open(path, { baudRate: 9600 }, nothing);
    return result.ok ? null : result.problem;
  };
  expect(await problem(join(directory, 'none'))).toMatchObject({ reason: 'missing' });
  const { connection } = await openPort();
  expect(await problem(virtual.path)).toMatchObject({ reason: 'locked' });
  await connection.close();
  expect(await problem(directory)).toMatchObject({ reason: 'failed' });
  expect((await problem(join(directory, 'none')))!.message).toContain(directory);
});

/** Opens a port as a user who may not, and prints why it could not. */
const AS_NOBODY = `
  const { createSerialPorts } = await import(process.argv[1]);
  await import('@serialport/bindings-cpp/dist/linux.js');
  process.setgroups([]);
  process.setgid(65534);
  process.setuid(65534);
  const options = { clock: { nowMs: () => 0, schedule: () => () => {} }, guard: (_, run) => run };
  const result = await createSerialPorts(options).open(process.argv[2], { baudRate: 9600 }, { onData() {}, onClose() {} });
  console.log(JSON.stringify(result.problem ?? null));
`;

test.runIf(await canBecome(NOBODY, import.meta.filename))('a port that the user may not open says so, with the remedy', async () => {
  await chmod(directory, 0o755);
  const root = join(import.meta.dirname, '../../../../..');
  const args = ['--input-type=module', '-e', AS_NOBODY, join(root, 'agent/nodes/osdp/port/serialport.ts'), virtual.path];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  expect(JSON.parse(stdout)).toMatchObject({ reason: 'permission', message: expect.stringContaining('dialout') });
});

test('a closed port is free at once, and says nothing more', async () => {
  for (let round = 0; round < 3; round++) {
    const { connection, closes } = await openPort();
    await connection.close();
    await connection.close();
    connection.write(Buffer.from([1]));
    expect(closes()).toBe(0);
  }
});

test('pulled out after traffic, before any, and with bytes on the way: told exactly once each time, and good again when it is back', async () => {
  const before: ((connection: SerialConnection) => Promise<void> | void)[] = [
    async (connection) => {
      const there = heard(1);
      connection.write(Buffer.from([1]));
      await there;
    },
    () => {},
    (connection) => connection.write(Buffer.alloc(1000, 0x55)),
  ];
  for (const act of before) {
    const { connection, closing, closes } = await openPort();
    await act(connection);
    const gone = virtual.yank();
    // What the poller does in the end: a write shows a dead port that stayed silent.
    const poll = setInterval(() => connection.write(Buffer.from([0xff])), 50);
    expect(await closing).toMatchObject({ reason: 'lost' });
    clearInterval(poll);
    await gone;
    await connection.close();
    expect(closes()).toBe(1);
    await virtual.replug();
  }
});
