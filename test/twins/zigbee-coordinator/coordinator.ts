import { AF_COMMANDS } from './af-commands.ts';
import type { Air } from './air.ts';
import { createReader, type Eui64, u8 } from './bytes.ts';
import { RPC_ERROR, RPC_REASON, STATE } from './commands.ts';
import { createMtDeframer, encodeMt, type MtFrame, responseTo, TYPE, typeOf } from './frame.ts';
import type { Handler } from './handlers.ts';
import { type NetworkParameters, openMemory } from './memory.ts';
import { createStack, type Pace } from './stack.ts';
import { SYS_COMMANDS } from './sys-commands.ts';
import { UTIL_COMMANDS } from './util-commands.ts';
import { ZDO_COMMANDS } from './zdo-commands.ts';

export interface CoordinatorOptions {
  air: Air;
  /** Where its flash is kept. Its folder must exist. */
  nvPath: string;
  /** The address of the hardware. */
  eui: Eui64;
  /** Rows of its tables. Default 24; a CC2652 has some hundreds, and each costs a host's backup two requests. */
  capacity?: number;
  pace?: Partial<Pace>;
  /** Bytes towards the host. */
  write(bytes: Buffer): void;
}

/** The stick: what a host speaks with, and what a test does to it. */
export interface Coordinator {
  readonly eui: Eui64;
  /** Bytes from the host. */
  receive(bytes: Uint8Array): void;
  /** What is in its flash; null: no network. */
  network(): NetworkParameters | null;
  /** The stack runs its network. */
  readonly running: boolean;
  readonly formations: number;
  /** Devices in its address table. */
  devices(): readonly { eui: Eui64; nwk: number; child: boolean }[];
  powerOn(): void;
  powerOff(): void;
  /** Resets by itself, as at a brown-out (reason 0) or by its watchdog (2): registrations are gone, the network waits to be started. */
  reset(reason?: number): void;
  /** A hung firmware: takes everything and answers nothing. */
  silent: boolean;
  /** The flash is as it left the factory. */
  loseNv(): void;
  /** Another network is in the flash, as of a stick that served elsewhere. */
  carryAnotherNetwork(other: Partial<NetworkParameters>): void;
  /** The network moves to another channel, and its devices with it, as if another host had told it to. */
  moveTo(channel: number): void;
  /** Watches frames in both directions. */
  onFrame(handler: (direction: 'in' | 'out', frame: { command: number; data: Buffer }) => void): () => void;
}

const COMMANDS: ReadonlyMap<number, Handler> = new Map([...SYS_COMMANDS, ...AF_COMMANDS, ...ZDO_COMMANDS, ...UTIL_COMMANDS]);
const SUBSYSTEMS = new Set([...COMMANDS.keys()].map((command) => (command >> 8) & 0x1f));
const DEFAULT_PACE: Pace = { bootMs: 100, formMs: 300, resumeMs: 60 };
const DEFAULT_CAPACITY = 24;

/** Makes the stick; it does nothing before `powerOn`. */
export function createCoordinator(options: CoordinatorOptions): Coordinator {
  const memory = openMemory(options.nvPath, options.eui, options.capacity ?? DEFAULT_CAPACITY);
  const watchers = new Set<(direction: 'in' | 'out', frame: MtFrame) => void>();
  let deframe = createMtDeframer();
  let powered = false;
  let silent = false;

  function send(command: number, data: Uint8Array): void {
    if (!powered || silent) return;
    for (const watcher of watchers) watcher('out', { command, data: Buffer.from(data) });
    options.write(encodeMt({ command, data }));
  }

  const stack = createStack(options.air, memory, { ...DEFAULT_PACE, ...options.pace }, send);

  function handle(frame: MtFrame): void {
    for (const watcher of watchers) watcher('in', frame);
    const handler = COMMANDS.get(frame.command);
    const refuse = (reason: number): void => send(RPC_ERROR, u8(reason, frame.command >> 8, frame.command));
    if (!handler) {
      if (typeOf(frame.command) === TYPE.SREQ)
        refuse(SUBSYSTEMS.has((frame.command >> 8) & 0x1f) ? RPC_REASON.COMMAND : RPC_REASON.SUBSYSTEM);
      return;
    }
    try {
      const answer = handler(createReader(frame.data), stack);
      if (answer) send(responseTo(frame.command), answer);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refuse(RPC_REASON.LENGTH);
    }
  }

  return {
    get eui() {
      return memory.eui;
    },
    receive(bytes) {
      if (!powered || silent || stack.booting) return;
      for (const frame of deframe(bytes)) handle(frame);
    },
    network: memory.network,
    get running() {
      return stack.state === STATE.COORDINATOR;
    },
    get formations() {
      return stack.formations;
    },
    devices: () => memory.tables.devices(),
    powerOn() {
      if (powered) return;
      powered = true;
      stack.reboot(0);
    },
    powerOff() {
      powered = false;
      stack.halt();
      deframe = createMtDeframer();
    },
    reset(reason = 2) {
      if (powered) stack.reboot(reason);
    },
    get silent() {
      return silent;
    },
    set silent(next) {
      silent = next;
    },
    loseNv() {
      stack.halt();
      memory.blank();
    },
    carryAnotherNetwork(other) {
      stack.halt();
      memory.blank();
      memory.store({
        panId: 0x1a2b,
        extendedPanId: 'f00df00df00df00d',
        channel: 20,
        channelList: 1 << (other.channel ?? 20),
        updateId: 0,
        keyLoaded: true,
        key: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
        ...other,
      });
      memory.nv.set('osal/60', u8(0x55));
    },
    moveTo: stack.moveTo,
    onFrame(handler) {
      watchers.add(handler);
      return () => watchers.delete(handler);
    },
  };
}
