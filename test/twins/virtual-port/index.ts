import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlink, rename, rm, symlink } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createMessageReader, MESSAGE } from './messages.ts';
import type { VirtualPort } from './types.ts';

export type { VirtualPort } from './types.ts';

const HOLDER = fileURLToPath(new URL('./holder.ts', import.meta.url));

export interface VirtualPortOptions {
  /** A stable name for the port, as /dev/serial/by-id has them. Its folder must exist; what stands there is replaced. */
  link?: string;
}

type Holder = ChildProcessByStdio<Writable, Readable, null>;

/** Opens a real pseudo-terminal that serialport can open at `path`: raw, without echo. One small process holds it until `close`. */
export async function createVirtualPort(options: VirtualPortOptions = {}): Promise<VirtualPort> {
  const { link } = options;
  const handlers = new Set<(bytes: Buffer) => void>();
  let holder: Holder | null = null;
  let device = '';
  let baudRate: number | null = null;

  const plug = async (): Promise<void> => {
    const child: Holder = spawn(process.execPath, [HOLDER], { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env.PATH } });
    // A write may meet a holder that has just been yanked.
    child.stdin.on('error', () => {});
    holder = child;
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`the holder of the virtual port ended: ${signal ?? code}`)));
      const read = createMessageReader((type, payload) => {
        if (type === MESSAGE.PATH) {
          device = payload.toString();
          resolve();
        } else if (holder === child && type === MESSAGE.SPEED) {
          baudRate = Number(payload.toString()) || null;
        } else if (holder === child) {
          for (const handler of handlers) handler(payload);
        }
      });
      child.stdout.on('data', read);
    });
    if (!link) return;
    const fresh = `${link}.${process.pid}.new`;
    await rm(fresh, { force: true });
    await symlink(device, fresh);
    await rename(fresh, link);
  };

  const unplug = async (): Promise<void> => {
    const child = holder;
    if (!child) return;
    holder = null;
    baudRate = null;
    if (link && (await readlink(link).catch(() => null)) === device) await rm(link, { force: true });
    const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
    child.kill('SIGKILL');
    await gone;
  };

  await plug();
  return {
    get path() {
      return link ?? device;
    },
    get baudRate() {
      return baudRate;
    },
    onData(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    write(bytes) {
      if (holder && bytes.length > 0) holder.stdin.write(bytes);
    },
    yank: unplug,
    async replug() {
      await unplug();
      await plug();
    },
    async close() {
      handlers.clear();
      await unplug();
    },
  };
}
