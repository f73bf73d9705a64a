import type { MonotonicClock } from '../../../agent/system/clock.ts';
import type { VirtualPort } from '../virtual-port/types.ts';
import type { Noise } from './medium.ts';
import type { PeripheralFaults, PeripheralOptions, PeripheralSettings } from './options.ts';
import type { LineStats } from './stats.ts';

/** The panel's end of the line: what it writes takes its time on the wire, what it gets is what the line carried. */
export interface Wire {
  onData(handler: (bytes: Buffer) => void): () => void;
  write(bytes: Uint8Array): void;
}

export interface OsdpLineOptions {
  /** Speed of the panel and of every peripheral that has none of its own. */
  baudRate: number;
  /** Default: none of the peripherals is there yet. */
  peripherals?: readonly PeripheralOptions[];
  clock: MonotonicClock;
  /** Everything random about the line follows from it. Default 1. */
  seed?: number;
  /** Two-wire adapter whose receiver stays on: the panel hears itself. Default false. */
  echo?: boolean;
  noise?: Partial<Noise>;
  /** The longest the line keeps a received byte back before it hands it over. Default 1 ms. The first byte of a reply is never kept. */
  deliveryMs?: number;
}

/** One peripheral, in the hands of a test or the demo. */
export interface PeripheralControl {
  /** As it is now; address, speed and key follow COMSET and KEYSET. */
  readonly settings: Readonly<PeripheralSettings>;
  readonly secureChannelActive: boolean;
  setTampered(tampered: boolean): void;
  setPowerFault(powerFault: boolean): void;
  setReaderTampered(tampered: boolean): void;
  /** The state of each input, as in `PeripheralOptions`. */
  setInputs(states: readonly number[]): void;
  setOutputs(states: readonly number[]): void;
  /** Merges; set a fault to undefined to end it. */
  setFaults(faults: PeripheralFaults): void;
  /** A card of so many bits, as text of 0 and 1; it is reported on the next POLL. */
  presentCard(bits: string): void;
  /** Dead for `bootMs`, then as new, with its keys and communication settings. */
  powerCycle(): void;
  /** Begins anew at once, with another identity or firmware when they are given: between two polls the panel need not notice. */
  restart(changes?: Partial<Pick<PeripheralSettings, 'model' | 'version' | 'serialNumber' | 'firmware' | 'capabilities'>>): void;
  /** Pulls it off the line, in the middle of a byte if need be. */
  remove(): void;
  /** Puts it back after `remove`: it boots as after a power cycle. */
  restore(): void;
}

/** A frame as it went onto the line, before collisions and noise. */
export interface LineFrame {
  from: 'panel' | number;
  /** Clock time of the first byte of a reply, or of the end of a request. */
  atMs: number;
  bytes: Uint8Array;
}

/** Peripherals on one half-duplex RS-485 line. */
export interface OsdpLine {
  readonly wire: Wire;
  readonly noise: Noise;
  /** @throws Error when nobody has the address. */
  peripheral(address: number): PeripheralControl;
  peripherals(): PeripheralControl[];
  /** @throws Error when the address is taken, unless `duplicate` asks for two of a kind. */
  add(options: PeripheralOptions, duplicate?: boolean): PeripheralControl;
  /** The panel's own speed; peripherals of another hear only garbage. */
  setPanelBaudRate(baudRate: number): void;
  /** Puts the panel's end on a virtual port; its speed follows the port's when that is known. Returns the disconnector. */
  connect(port: VirtualPort): () => void;
  /** Watches good requests and everything that peripherals send. Returns the unsubscriber. */
  onFrame(handler: (frame: LineFrame) => void): () => void;
  stats(): LineStats;
  resetStats(): void;
  /** Ends all timers and transmissions. */
  stop(): void;
}
