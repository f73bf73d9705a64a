import type { BusFailure } from '../../../contract/node.ts';

export interface PortProblem {
  reason: BusFailure;
  /** For people: names the path and the remedy. */
  message: string;
}

/** An open port. */
export interface SerialConnection {
  /** Queues bytes; never throws. A failure comes as `onClose`. */
  write(bytes: Uint8Array): void;
  /** What arrives from now on stays in the kernel and wakes nobody, until `take()`; nor is it noticed that the port went away. */
  hold(): void;
  /** Ends a hold: hands on at once what is there, and later what comes. */
  take(): void;
  /** Frees the port; resolves when it is free, within a second. `onClose` is not called. May be called again. */
  close(): Promise<void>;
}

export interface SerialHandlers {
  onData(bytes: Buffer): void;
  /** The port went away by itself. Called at most once, and never after `close()`. */
  onClose(problem: PortProblem): void;
}

export type OpenResult = { ok: true; connection: SerialConnection } | { ok: false; problem: PortProblem };

/** The serial ports of the machine, as a port: a test can unplug one. */
export interface SerialPorts {
  /** Opens 8N1 with an exclusive lock. A port that cannot be opened is a result, not an exception. */
  open(path: string, options: { baudRate: number }, handlers: SerialHandlers): Promise<OpenResult>;
}
