import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SerialPort } from 'serialport';
import { afterEach, expect, test } from 'vitest';
import { createVirtualPort } from './index.ts';

/** Undone in reverse order, whatever the test did. */
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function stableLink(): string {
  const directory = mkdtempSync(join(tmpdir(), 'virtual-port-'));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'usb-adapter');
}

async function openPort(link?: string) {
  const port = await createVirtualPort(link ? { link } : {});
  undo.push(() => port.close());
  return port;
}

async function openSerial(path: string, baudRate = 9600): Promise<SerialPort> {
  const serial = new SerialPort({ path, baudRate, autoOpen: false });
  serial.on('error', () => {});
  await new Promise<void>((resolve, reject) => serial.open((error) => (error ? reject(error) : resolve())));
  undo.push(() => serial.isOpen && new Promise((resolve) => serial.close(resolve)));
  return serial;
}

/** Resolves when serialport noticed the hang-up. One that comes while a read is being set up is only noticed by a write. */
async function noticed(serial: SerialPort, hangUp: () => unknown): Promise<void> {
  const closed = new Promise((resolve) => serial.once('close', resolve));
  await hangUp();
  if (serial.isOpen) serial.write('x');
  await closed;
}

/** True while the process runs; one that has ended may still wait to be collected by whoever adopted it. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves with the first `length` bytes that a source emits. */
function collect(length: number, listen: (handler: (bytes: Buffer) => void) => void): Promise<Buffer> {
  return new Promise((resolve) => {
    let all = Buffer.alloc(0);
    listen((bytes) => {
      all = Buffer.concat([all, bytes]);
      if (all.length >= length) resolve(all);
    });
  });
}

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

test('carries every byte unchanged both ways, without echo', async () => {
  const port = await openPort();
  const serial = await openSerial(port.path);
  const fromAgent = collect(256, (handler) => port.onData(handler));
  serial.write(EVERY_BYTE);
  expect(await fromAgent).toEqual(EVERY_BYTE);
  const toAgent = collect(256, (handler) => serial.on('data', handler));
  port.write(EVERY_BYTE);
  expect(await toAgent).toEqual(EVERY_BYTE);
});

test('bytes written before anybody opens the port do not come back', async () => {
  const port = await openPort();
  expect(execFileSync('stty', [process.platform === 'linux' ? '-F' : '-f', port.path, '-a'], { encoding: 'utf8' })).toMatch(/ -echo /);
  const fromAgent = collect(1, (handler) => port.onData(handler));
  port.write(Buffer.from('early'));
  const serial = await openSerial(port.path);
  serial.write('x');
  expect((await fromAgent).toString()).toBe('x');
});

test.runIf(process.platform === 'linux')('knows the speed the agent set', async () => {
  const port = await openPort();
  const serial = await openSerial(port.path, 57_600);
  const first = collect(1, (handler) => port.onData(handler));
  serial.write('a');
  await first;
  expect(port.baudRate).toBe(57_600);
  await new Promise<void>((resolve, reject) => serial.update({ baudRate: 115_200 }, (error) => (error ? reject(error) : resolve())));
  const second = collect(1, (handler) => port.onData(handler));
  serial.write('b');
  await second;
  expect(port.baudRate).toBe(115_200);
});

test('survives being closed and opened again by the agent', async () => {
  const port = await openPort();
  for (const round of ['1', '2', '3']) {
    const serial = await openSerial(port.path);
    const arrived = collect(1, (handler) => port.onData(handler));
    serial.write(round);
    expect((await arrived).toString()).toBe(round);
    await new Promise((resolve) => serial.close(resolve));
  }
});

test('a yank hangs the terminal up and takes the path away; a replug brings it back under the same name', async () => {
  const link = stableLink();
  const port = await openPort(link);
  expect(port.path).toBe(link);
  for (let round = 0; round < 5; round++) {
    const serial = await openSerial(link);
    const greeting = collect(1, (handler) => serial.on('data', handler));
    port.write(Buffer.from('!'));
    await greeting;
    await noticed(serial, port.yank);
    expect(existsSync(link)).toBe(false);
    expect(() => lstatSync(link)).toThrow();
    port.write(Buffer.from('nobody hears this'));
    await port.replug();
  }
  const serial = await openSerial(link);
  const arrived = collect(2, (handler) => port.onData(handler));
  serial.write('ok');
  expect((await arrived).toString()).toBe('ok');
});

test('close removes the link and ends the process behind it, twice without harm', async () => {
  const link = stableLink();
  const port = await openPort(link);
  await port.close();
  await port.close();
  expect(() => lstatSync(link)).toThrow();
});

test('a process started while the port is open does not keep a yanked terminal alive', async () => {
  const port = await openPort();
  const serial = await openSerial(port.path);
  const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(bystander, 'spawn');
  await noticed(serial, port.yank);
  bystander.kill('SIGKILL');
  await once(bystander, 'exit');
});

test.runIf(process.platform === 'linux')('nothing stays behind when the harness is killed', async () => {
  const index = new URL('./index.ts', import.meta.url).href;
  const script = `const { createVirtualPort } = await import(${JSON.stringify(index)});
    const port = await createVirtualPort(); process.stdout.write(port.path + '\\n');`;
  const harness = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(harness.stdout, 'data');
  const device = String(line).trim();
  const serial = await openSerial(device);
  const children = readFileSync(`/proc/${harness.pid}/task/${harness.pid}/children`, 'utf8').trim().split(/\s+/);
  expect(children).toHaveLength(1);
  harness.kill('SIGKILL');
  await expect.poll(() => isRunning(children[0]!)).toBe(false);
  await noticed(serial, () => {});
});

test.runIf(process.platform === 'linux')('a port that is announced is ready: what it needs for the first request is loaded', async () => {
  const childrenOf = () => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(/\s+/);
  const before = childrenOf();
  await openPort();
  const [holder] = childrenOf().filter((pid) => !before.includes(pid));
  expect(readFileSync(`/proc/${holder}/maps`, 'utf8')).toMatch(/bindings.*\.node/);
});
