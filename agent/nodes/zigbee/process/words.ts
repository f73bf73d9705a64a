import type { ZigbeeAdapter } from '../../../contract/zigbee.ts';

/**
 * What the agent and the library's process say to each other: JSON, one message a line; commands on the process's standard input, the rest on its file
 * descriptor 3. Both ends come from one build; the version guards against files of two builds that lie side by side.
 */
export const PROTOCOL_VERSION = 1;

/** The serial port of the stick. */
export interface StickPort {
  adapter: ZigbeeAdapter;
  path: string;
  baudRate: number;
  rtscts: boolean;
}

/** A network as the library is started with it. The key goes over standard input alone: never in arguments or the environment. */
export interface StartNetwork {
  panId: number;
  extendedPanId: string;
  networkKey: string;
  channel: number;
}

export type Command =
  /** Looks at the stick without the library. `networkKey`: the one to compare with. `clear`: it is to forget that it is configured. */
  | { do: 'look'; port: StickPort; networkKey: string | null; clear: boolean }
  /** Loads the library; the process says nothing meanwhile. */
  | { do: 'load' }
  | { do: 'start'; port: StickPort; network: StartNetwork; database: string; databaseBackup: string; backup: string }
  | { do: 'permit_join'; seconds: number }
  | { do: 'remove'; address: string }
  /** A device that the library does not know is told to leave. */
  | { do: 'send_away'; address: string; networkAddress: number }
  | { do: 'interview'; address: string }
  /** A device with mains power is asked for an attribute that every device has. */
  | { do: 'ping'; address: string }
  | { do: 'save' }
  /** Asks the coordinator for its own endpoints. */
  | { do: 'check' }
  | { do: 'map' }
  | { do: 'trace'; on: boolean }
  | { do: 'stop' };

/** What the commands answer that answer something. */
export interface Answers {
  look: { state: 'blank'; coordinator: string } | LookedNetwork;
  start: { result: 'resumed' | 'restored' | 'reset'; channel: number; coordinator: string; firmware: string | null };
  check: { state: 'up' | 'reset' };
  /** `confirmed`: the device itself said that it leaves; else it is asleep, and forgotten all the same. */
  remove: { confirmed: boolean };
  /** `confirmed`: it said that it leaves. */
  send_away: { confirmed: boolean };
  map: { neighbours: Neighbour[]; unasked: string[] };
}

export interface LookedNetwork {
  state: 'network';
  coordinator: string;
  panId: number;
  extendedPanId: string;
  channel: number;
  isOurKey: boolean | null;
}

/** A line of a neighbour table. Addresses are `0x` and 16 hex digits. */
export interface Neighbour {
  of: string;
  address: string;
  relation: 'parent' | 'child' | 'sibling' | 'other';
  quality: number;
}

/** Why a command failed. `in_use`: another program keeps the port. `disk`: a file could not be written. `late`: the library did not settle in time. */
export type FailureCode =
  | 'library_missing'
  | 'port'
  | 'in_use'
  | 'silent'
  | 'not_this_adapter'
  | 'late'
  | 'unknown_device'
  | 'not_started'
  | 'disk'
  | 'failed';

/** A device as the library's database has it. */
export interface DeviceFacts {
  address: string;
  kind: 'router' | 'end_device' | 'unknown';
  vendor: string | null;
  model: string | null;
  firmware: string | null;
  /** The library's words, such as `Battery`; null: not told. */
  powerSource: string | null;
  interview: 'pending' | 'running' | 'done' | 'failed';
  linkQuality: number | null;
  /** Epoch milliseconds. */
  lastSeen: number | null;
  checkInSeconds: number | null;
  /** Names of the input clusters of all endpoints. */
  clusters: string[];
}

/** A value that a device told of itself; codes of locks and keypads are never passed on. */
export interface DeviceMessage {
  address: string;
  cluster: string;
  type: string;
  values: Record<string, number | string | boolean>;
  at: number;
}

export type ProcessEvent =
  | { kind: 'hello'; version: number }
  | { kind: 'answer'; id: number; ok: true; value: unknown }
  | { kind: 'answer'; id: number; ok: false; code: FailureCode; message: string }
  | { kind: 'device'; device: DeviceFacts }
  | { kind: 'seen'; address: string; at: number; linkQuality: number | null }
  | { kind: 'left'; address: string }
  | { kind: 'interview'; address: string; state: 'joined' | 'started' | 'done' | 'failed' }
  /** Whether its reports could be set up after the interview; `problem` names what could not. */
  | { kind: 'reporting'; address: string; problem: string | null }
  | { kind: 'permit_join'; open: boolean; seconds: number }
  | { kind: 'message'; message: DeviceMessage }
  | { kind: 'lost'; message: string }
  | { kind: 'alive' }
  | { kind: 'log'; level: 'info' | 'warn' | 'error'; text: string }
  | { kind: 'trace'; sent: boolean; address: number; name: string; bytes: number | null; text: string };

/** A command with the number that its answer has. */
export type Request = Command & { v: number; id: number };
