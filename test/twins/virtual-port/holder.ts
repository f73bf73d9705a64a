/**
 * The process behind one virtual port. It holds the pseudo-terminal, so that its descriptors cannot leak into other children of the
 * harness (node-pty opens them inheritable, and a leaked one would keep a yanked terminal alive). It ends when its standard input does:
 * also when its parent was killed.
 */
import { closeSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { encodeMessage, MESSAGE } from './messages.ts';

/** The part of node-pty's binding that is needed; its public `open` would read the agent's side as well. */
interface PtyBinding {
  open(columns: number, rows: number): { master: number; slave: number; pty: string };
}

// @ts-expect-error: the package describes its entry point only.
const { requireBinary } = (await import('@lydell/node-pty/requireBinary.js')) as { requireBinary(name: string): PtyBinding };
const { master, slave, pty } = requireBinary('pty.node').open(80, 24);

/**
 * Raw before anybody opens it: no echo towards the twin. Held, and never read: libuv puts the old mode back when its stream is closed. The
 * descriptor `slave` stays open too, so that the port outlives its openers.
 */
const agentSide = new ReadStream(slave).setRawMode(true);

/** The speed the other side set, as far as the platform tells. */
async function createSpeedometer(): Promise<() => Promise<number>> {
  if (process.platform !== 'linux') return async () => 0;
  const { LinuxPortBinding } = await import('@serialport/bindings-cpp');
  const binding = new LinuxPortBinding(slave, { path: pty, baudRate: 9600 } as never);
  return async () => (await binding.getBaudRate()).baudRate;
}

/** Ready, and used once, before the port is announced: the first request must not wait for a library that is loaded. */
const speed = await createSpeedometer();
await speed();

const send = (type: number, payload: Uint8Array): void => void process.stdout.write(encodeMessage(type, payload));

const input = new ReadStream(master);
send(MESSAGE.PATH, Buffer.from(pty));

process.stdin.on('data', (bytes: Buffer) => {
  try {
    writeSync(master, bytes);
  } catch (error) {
    // Nobody reads and the terminal's buffer is full: lost, as in a UART.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
});
process.stdin.on('end', () => {
  input.destroy();
  agentSide.destroy();
  closeSync(slave);
  process.exit(0);
});
// Ctrl-C and a closing terminal reach the whole group; the harness decides when the port goes.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM']) process.on(signal, () => {});
process.stdout.on('error', () => process.exit(0));

let knownSpeed = 0;
let last: Promise<void> = Promise.resolve();
input.on('data', (bytes: Buffer) => {
  last = last.then(async () => {
    const baudRate = await speed();
    if (baudRate !== knownSpeed) send(MESSAGE.SPEED, Buffer.from(String(baudRate)));
    knownSpeed = baudRate;
    send(MESSAGE.DATA, bytes);
  });
});
