import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** QEMU answers at once, except while it saves or loads the whole memory. */
const ANSWER_TIMEOUT_MS = 30_000;

/** QEMU's machine protocol: the hands on the hub's plugs. */
export interface Qmp {
  /** @throws Error with QEMU's own words when the command fails, times out, or QEMU ends. */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>;
  close(): void;
}

interface Reply {
  id?: number;
  return?: unknown;
  error?: { desc: string };
}

/** Wraps a connected QMP socket and leaves the negotiation mode. */
export async function createQmp(socket: Socket): Promise<Qmp> {
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  createInterface({ input: socket }).on('line', (line) => {
    const reply = JSON.parse(line) as Reply;
    const waiting = reply.id === undefined ? undefined : pending.get(reply.id);
    if (!waiting) return;
    pending.delete(reply.id!);
    if (reply.error) waiting.reject(new Error(`QEMU: ${reply.error.desc}`));
    else waiting.resolve(reply.return);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    for (const { reject } of pending.values()) reject(new Error('QEMU has ended'));
    pending.clear();
  });
  const qmp: Qmp = {
    execute(command, args) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('QEMU has ended'));
        const timer = setTimeout(() => {
          pending.delete(id);
          reject(new Error(`QEMU did not answer ${command}`));
        }, ANSWER_TIMEOUT_MS);
        pending.set(id, {
          resolve: (value) => {
            clearTimeout(timer);
            resolve(value);
          },
          reject: (error) => {
            clearTimeout(timer);
            reject(error);
          },
        });
        socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
      });
    },
    close: () => socket.destroy(),
  };
  await qmp.execute('qmp_capabilities');
  return qmp;
}

/** Connects to a Unix socket that appears soon. @throws Error when it has not within `timeoutMs`, or the signal aborts. */
export async function connectWhenThere(path: string, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const socket = await new Promise<Socket | null>((resolve) => {
      const attempt = createConnection(path);
      attempt.once('connect', () => resolve(attempt));
      attempt.once('error', () => resolve(null));
    });
    if (socket) return socket;
    if (performance.now() > deadline) throw new Error(`Nothing listens on ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
