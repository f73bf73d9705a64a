/** How a node's link is protected. `required`: it insists on a secure channel that we have no key for. */
export type NodeSecurity = 'none' | 'default_key' | 'secured' | 'required';

/** A lock, reader or other device behind the hub (contract, "Node"). Unknown is null, never a guess. */
export interface Node {
  /** `<bus>/<address>`. */
  nodeId: string;
  bus: string;
  protocol: 'osdp' | 'zigbee';
  /** OSDP: decimal 0…126; Zigbee: `0x` and 16 hex digits. */
  address: string;
  /** False when the node was known and went silent. */
  available: boolean;
  /** ISO 8601, UTC. */
  lastSeen: string | null;
  firstSeen: string | null;
  vendor: string | null;
  model: string | null;
  serialNumber: string | null;
  firmwareVersion: string | null;
  capabilities: string[];
  security: NodeSecurity | null;
  tamper: boolean | null;
  powerFault: boolean | null;
  /** 0…255, Zigbee only. */
  linkQuality: number | null;
}

export type BusState = 'starting' | 'up' | 'unavailable' | 'stopped';

/** One bus in the answer of `get_nodes` and `server_info`. */
export interface BusStatus {
  id: string;
  protocol: 'osdp' | 'zigbee';
  state: BusState;
  error?: { code: 'bus_unavailable'; message: string };
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
