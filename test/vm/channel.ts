import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What a command in the guest came to. Output is cut at the limit. */
export interface CommandResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** The guest ends the command after this long (exit code 124). Whole seconds count. */
  timeoutMs?: number;
  /** The command's standard input. */
  input?: string | Buffer;
  /** How much of each output stream comes back. */
  maxBytes?: number;
}

/** Runs shell scripts in the guest, as root, side by side. */
export interface Channel {
  /** @throws Error when the guest does not answer (its own time limit and then some), or loses its power meanwhile. */
  run(script: string, options?: CommandOptions): Promise<CommandResult>;
  /** Waits for the guest's loop to answer. @throws Error after `timeoutMs`. */
  ready(timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** The guest lost its power: what was asked before is never answered. */
  forget(reason: string): void;
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_BYTES = 1_000_000;
/** Under emulation an answer may take long to travel, beside the guest's own limit. */
const GRACE_MS = 20_000;
/** A ping waits in QEMU until the guest opens its end; the repetition is for one that a reset swallowed. */
const PING_INTERVAL_MS = 15_000;

interface Pending {
  resolve(result: CommandResult): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

function decode(field: string | undefined): string {
  return Buffer.from((field ?? '').replace(/^:/, ''), 'base64').toString();
}

/** The host's end of the control channel (image/root/usr/lib/virtual-hub/control is the guest's). */
export function createChannel(socket: Socket): Channel {
  const pending = new Map<string, Pending>();
  let nextId = 1;
  let awaited: { mark: string; answer: () => void } | null = null;
  const forget = (reason: string) => {
    for (const { reject, timer } of pending.values()) {
      clearTimeout(timer);
      reject(new Error(reason));
    }
    pending.clear();
  };
  createInterface({ input: socket }).on('line', (line) => {
    const [id = '', exitCode, stdout, stderr] = line.split(' ');
    if (id === 'pong' && awaited && exitCode === awaited.mark) awaited.answer();
    const waiting = pending.get(id);
    if (!waiting) return;
    pending.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve({ exitCode: Number(exitCode), stdout: decode(stdout), stderr: decode(stderr) });
  });
  socket.on('error', () => {});
  socket.on('close', () => forget('The virtual hub has ended'));
  return {
    run(script, { timeoutMs = DEFAULT_TIMEOUT_MS, input = '', maxBytes = DEFAULT_MAX_BYTES } = {}) {
      const id = `c${nextId++}`;
      return new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('The virtual hub has ended'));
        const timer = setTimeout(() => {
          pending.delete(id);
          reject(new Error(`The guest did not answer within ${timeoutMs + GRACE_MS} ms: ${script.slice(0, 80)}`));
        }, timeoutMs + GRACE_MS);
        pending.set(id, { resolve, reject, timer });
        const encoded = Buffer.from(script).toString('base64');
        const data = Buffer.from(input).toString('base64');
        socket.write(`${id} ${Math.max(1, Math.round(timeoutMs / 1000))} ${maxBytes} :${encoded} :${data}\n`);
      });
    },
    async ready(timeoutMs, signal) {
      const deadline = performance.now() + timeoutMs;
      // A number that no earlier ping of another boot carried.
      const mark = String(nextId++);
      let answered = false;
      try {
        while (!answered) {
          signal.throwIfAborted();
          if (socket.destroyed) throw new Error('The virtual hub has ended');
          if (performance.now() > deadline) throw new Error(`The virtual hub did not come up within ${timeoutMs} ms`);
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, PING_INTERVAL_MS);
            const answer = () => {
              answered = true;
              clearTimeout(timer);
              resolve();
            };
            awaited = { mark, answer };
            socket.write(`\nping ${mark}\n`);
          });
        }
      } finally {
        awaited = null;
      }
    },
    forget,
    close: () => socket.destroy(),
  };
}
