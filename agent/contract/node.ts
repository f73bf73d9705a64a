/** How a node's link is protected. `required`: it requires a secure channel that we have no key for. */
export type NodeSecurity = 'none' | 'default_key' | 'secured' | 'required';

/**
 * Why the own key that is configured for a node does not secure its link: the node proved another key (`wrong_key`), offered another kind of
 * key (`key_type`), says that it has no such key (`no_key`), refused the handshake (`refused`), answered it with nonsense (`invalid`), or did
 * not carry it through (`no_answer`). `no_own_key`: its bus requires security, and no key of its own is known for it.
 */
export type SecurityReason = 'wrong_key' | 'key_type' | 'no_key' | 'refused' | 'invalid' | 'no_answer' | 'no_own_key';

/**
 * What is wrong at an address. `garbled`: whenever it is asked, noise comes back and no answer that can be read: two devices have the
 * address and talk at the same time, or the line to the device is disturbed. `address_clash`: it answers, and more than once to a question, or as two
 * devices in turn.
 */
export type NodeProblem = 'garbled' | 'address_clash';

/** The identity that a device reports, as far as it does. */
export type DeviceIdentity = Pick<Node, 'vendor' | 'model' | 'serialNumber'>;

/** A node that fell silent and came back so often within an hour flaps: a device that restarts now and then does not. */
export const FLAPS_AFTER = 3;

/** A lock, reader or other device behind the hub (contract, "Node"). Unknown is null, never a guess. */
export interface Node extends Partial<OsdpFacts> {
  /** `<bus>/<address>`. */
  nodeId: string;
  bus: string;
  protocol: 'osdp' | 'zigbee';
  /** OSDP: decimal 0…126; Zigbee: `0x` and 16 hex digits. */
  address: string;
  /** False when the node was known and went silent. */
  available: boolean;
  /** How often it fell silent in the last hour while its bus worked, at most 16. Absent: never. Counted since the agent started. */
  lossesLastHour?: number;
  /** ISO 8601, UTC. */
  lastSeen: string | null;
  firstSeen: string | null;
  vendor: string | null;
  model: string | null;
  serialNumber: string | null;
  firmwareVersion: string | null;
  capabilities: string[];
  security: NodeSecurity | null;
  /** Set while an own key is configured and the link is not secured with it; then nothing that comes in clear is a tamper or power fact. */
  securityReason: SecurityReason | null;
  /** The device that was known at this address before another one came; null when there was none, or the change is old. */
  replaced: DeviceIdentity | null;
  /** The node that the same device was before, and when it was first seen here, ISO 8601. Absent: it was always here. */
  moved?: { from: string; at: string | null };
  tamper: boolean | null;
  powerFault: boolean | null;
  /** What is wrong at its address, where that is known. A garbled address of which nothing else was ever known is a node too. */
  problem: NodeProblem | null;
  /**
   * 0 (nothing comes through) to 255. Zigbee: of the last message, as the coordinator measures it. OSDP: the share of the last 128 questions that the
   * node understood and answered in time, those to a silent node not counted; null after fewer than 8.
   */
  linkQuality: number | null;
  /** What only Zigbee has. Absent for the nodes of other protocols. */
  zigbee?: ZigbeeDetails;
}

/**
 * State of a contact. `short`, `open`, `fault`: the circuit of a supervised contact is bridged, cut, or has neither of its resistances (SIA OSDP 2.2.2,
 * table 52).
 */
export type InputState = 'inactive' | 'active' | 'short' | 'open' | 'fault' | 'unknown';

export type OutputState = 'inactive' | 'active' | 'unknown';

/**
 * What OSDP peripherals report besides. Absent for the nodes of other protocols, and for a node that an older agent knew and that has been silent since.
 * Flat and short: the shadow takes five levels and 6 KB.
 */
export interface OsdpFacts {
  /** Version of the model, 0…255 (PDID). */
  hardwareVersion: string | null;
  /** The version of OSDP that it claims (PDCAP, function 16). */
  osdpVersion: 'iec_60839_11_5' | 'sia_2.2' | null;
  /** Compliance level and number of items of each of `capabilities`, in their order (PDCAP). */
  capabilityLevels: number[];
  capabilityCounts: number[];
  /**
   * One for each contact that the peripheral has, such as door contact and request to exit. Null: it has none, did not report them yet, or is not
   * believed. It reports a change to the next poll; those of a silent peripheral are of `lastSeen`.
   */
  inputs: InputState[] | null;
  /** The same of switched outputs, such as relays. */
  outputs: OutputState[] | null;
  /** When a card was read last. Of the card itself nothing is kept. */
  lastCardAt: string | null;
}

/** A value that a device reported, and when it did, ISO 8601: a sleeping device is not asked. */
export interface Reading<T> {
  value: T;
  at: string;
}

/** What a lock or sensor reported last, as far as it did. */
export interface Readings {
  /** ZCL, 7.3.2.6, LockState. */
  lock?: Reading<'locked' | 'unlocked' | 'not_fully_locked'>;
  /** ZCL, 7.3.2.9, DoorState. */
  door?: Reading<'open' | 'closed' | 'jammed' | 'forced_open' | 'unspecified'>;
  /** Contact, motion or another purpose of the zone; true: alarmed (ZCL, 8.2.2.2.1.3, ZoneStatus). */
  alarm?: Reading<boolean>;
  /** 0 to 100. */
  batteryPercent?: Reading<number>;
  batteryLow?: Reading<boolean>;
}

/** What is known of a Zigbee device beside what every node has. */
export interface ZigbeeDetails {
  /** How far the interview of the device has come. `unknown_device`: only the coordinator knows it. */
  interview: 'pending' | 'running' | 'done' | 'failed' | 'unknown_device';
  kind: 'router' | 'end_device' | 'unknown';
  power: 'mains' | 'battery' | 'unknown';
  /** `available` is false once nothing was heard for so long. */
  silentAfterSeconds: number;
  /** Whether that follows from the check-in interval that the device reported, or is assumed for its kind. */
  silentAfterFrom: 'check_in' | 'assumed';
  /** Address of the router or coordinator that it hangs on, as the last map showed. */
  parent: string | null;
  readings: Readings;
}

/**
 * Why a bus cannot be used: its port is not there (`missing`), is held by another program (`locked`), may not be opened by its mode (`permission`) or by
 * the service's own unit (`unit`), was open and went away (`lost`), takes no bytes (`stalled`), or fails otherwise (`failed`). Of a Zigbee bus: its library is not installed (`library`), the coordinator does not answer
 * (`silent`) or was reset (`reset`), its network may not be started as things are (`network`), or its files cannot be read or written (`storage`): the message names the command.
 */
export type BusFailure =
  | 'missing'
  | 'locked'
  | 'permission'
  | 'unit'
  | 'lost'
  | 'stalled'
  | 'failed'
  | 'library'
  | 'silent'
  | 'reset'
  | 'network'
  | 'storage';

export type BusState = 'starting' | 'up' | 'unavailable' | 'stopped';

/** One bus in the answer of `get_nodes` and `server_info`. */
export interface BusStatus {
  id: string;
  protocol: 'osdp' | 'zigbee';
  state: BusState;
  error?: { code: 'bus_unavailable'; message: string; reason?: BusFailure };
}

/** The result of `get_nodes` (contract, "Commands"). */
export interface NodesResult {
  nodes: Node[];
  total: number;
  available: number;
  /** False while an address of the asked buses has not been asked yet since start. */
  scanComplete: boolean;
  buses: BusStatus[];
}

/** What `get_nodes` asks the node buses. The live node table implements it. */
export interface NodeDirectory {
  /**
   * The nodes of one bus or of all. With `refresh` it waits for a full scan pass that starts now; without, it answers from the live table
   * at once. @throws HubError `invalid_args` for an unknown bus (details name `bus`); `bus_unavailable` when every asked bus is down and
   * `refresh` was asked; `aborted`.
   */
  getNodes(query: { bus?: string; refresh: boolean }, signal: AbortSignal): Promise<NodesResult>;
  /** The buses' states now. */
  buses(): BusStatus[];
  /** The counts now, for the shadow's summary. */
  summary(): { total: number; available: number; scanComplete: boolean };
}
