import type { OpenResult, PortProblem, SerialHandlers, SerialPorts } from '../../../agent/nodes/osdp/port/port.ts';
import type { Entropy } from '../../../agent/system/entropy.ts';
import type { Log } from '../../../agent/system/log.ts';

/** One logged line. */
export interface LogLine {
  level: string;
  event: string;
  [field: string]: unknown;
}

/** A log that remembers its lines. */
export function createFakeLog(): Log & { lines: LogLine[]; events(): string[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: unknown) => {
    lines.push({ level, ...(fields as { event: string }) });
  };
  const log = {
    lines,
    events: () => lines.map((line) => line.event),
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: () => log,
  };
  return log as unknown as Log & { lines: LogLine[]; events(): string[] };
}

/** Randomness that repeats itself from its seed. */
export function createFakeEntropy(seed = 1): Entropy {
  // Neighbouring seeds must not begin alike.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  const unit = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    unit,
    bytes: (length) => Buffer.from(Array.from({ length }, () => Math.floor(unit() * 256))),
    uuid: () => '00000000-0000-4000-8000-000000000000',
  };
}

/** The panel's end of some line. */
export interface Wire {
  onData(handler: (bytes: Buffer) => void): () => void;
  write(bytes: Uint8Array): void;
}

/** A serial port in a test's hands. */
export interface FakePort extends SerialPorts {
  /** Why it cannot be opened; null when it can. */
  problem: PortProblem | null;
  /** A dead port whose loss only a write shows. */
  spinning: boolean;
  readonly isOpen: boolean;
  readonly opens: number;
  /** How often what arrives was left in the kernel for a while. */
  readonly holds: number;
  /** The speed of the last opening. */
  readonly baudRate: number;
  /** Pulls the adapter out: it is gone until `replug`. */
  yank(): void;
  replug(): void;
}

/** A port whose other end is `wire`. */
export function createFakePort(wire: Wire, onOpen: (baudRate: number) => void = () => {}): FakePort {
  let handlers: SerialHandlers | null = null;
  /** What the kernel keeps while it is held; null: it is handed on as it comes. */
  let held: Buffer[] | null = null;
  const missing: PortProblem = { reason: 'missing', message: 'the port does not exist' };
  wire.onData((bytes) => {
    if (port.spinning) return;
    if (held) held.push(bytes);
    else handlers?.onData(bytes);
  });
  const lose = (message: string) => {
    const lost = handlers;
    handlers = null;
    lost?.onClose({ reason: 'lost', message });
  };
  const state = { opens: 0, holds: 0, baudRate: 0 };
  const port: FakePort = {
    problem: null,
    spinning: false,
    get isOpen() {
      return handlers !== null;
    },
    get opens() {
      return state.opens;
    },
    get holds() {
      return state.holds;
    },
    get baudRate() {
      return state.baudRate;
    },
    async open(_path, { baudRate }, given): Promise<OpenResult> {
      if (port.problem) return { ok: false, problem: port.problem };
      if (handlers) return { ok: false, problem: { reason: 'locked', message: 'the port is in use' } };
      handlers = given;
      held = null;
      state.opens++;
      state.baudRate = baudRate;
      onOpen(baudRate);
      const write = (bytes: Uint8Array) => {
        if (handlers !== given) return;
        if (port.spinning) lose('write failed: EIO');
        else wire.write(bytes);
      };
      const close = async () => {
        if (handlers === given) handlers = null;
      };
      const hold = () => {
        if (handlers !== given) return;
        held ??= [];
        state.holds++;
      };
      const take = () => {
        if (handlers !== given || !held) return;
        const bytes = Buffer.concat(held);
        held = null;
        if (bytes.length > 0) given.onData(bytes);
      };
      return { ok: true, connection: { write, hold, take, close } };
    },
    yank() {
      port.problem = missing;
      lose('the adapter was pulled out');
    },
    replug() {
      port.problem = null;
      port.spinning = false;
    },
  };
  return port;
}
