/** Families of coordinator sticks that a hub may have, by the names of zigbee-herdsman. */
export const ZIGBEE_ADAPTERS = ['zstack', 'ember', 'deconz', 'zigate', 'zboss'] as const;
export type ZigbeeAdapter = (typeof ZIGBEE_ADAPTERS)[number];

/** Something about a Zigbee network that was repaired, or that support should know. The codes have their texts in `agent/health/zigbee.ts`. */
export type ZigbeeNotice =
  /** The agent's record was lost, and made again from the backup. */
  | { code: 'record_rebuilt' }
  /** The library's backup was damaged, lost or old; ours is in its place. */
  | { code: 'backup_from_copy' }
  /** No backup was left, and the stick still had the network. */
  | { code: 'backup_missing' }
  /** The stick had forgotten the network, and has it again. */
  | { code: 'stick_was_blank' }
  /** A person had the network written to the stick. */
  | { code: 'network_restored' }
  /** The database was empty, cut or older than our copy. `devices`: in it now; `recovered`: of those, how many it had not. */
  | { code: 'database_mended'; devices: number; recovered: number }
  /** The configuration names another channel than the network is on; the network stays there. */
  | { code: 'channel_ignored'; configured: number; used: number }
  /** The stick was reset by itself since this start of the agent. */
  | { code: 'coordinator_reset'; count: number }
  /** Devices that only the coordinator knows. */
  | { code: 'unknown_devices'; addresses: readonly string[] }
  /** What the library saved could not be kept: no room, or damaged. `reason`: of the disk, or a word. */
  | { code: 'not_kept'; reason: string };

/** A Zigbee network as the hub reports it. Never with a key. Times are epoch milliseconds. */
export interface ZigbeeStatus {
  bus: string;
  state: 'starting' | 'up' | 'unavailable' | 'stopped';
  /** `none`: never formed. `forming`: being formed. `formed`. `lost`: the library formed another one. */
  stage: 'none' | 'forming' | 'formed' | 'lost';
  adapter: string;
  path: string;
  network: { panId: string; extendedPanId: string; channel: number; coordinator: string | null } | null;
  /** Of the stick, as the library reports it. */
  firmware: string | null;
  /** Devices of the record: those that would have to be paired again with another network. */
  devices: number;
  /** When the last good copy of database and backup was made. */
  savedAt: number | null;
  /** Seconds until joining is closed; 0: it is closed. */
  permitJoinSeconds: number;
  /** The process of the library, and how often it was started. */
  pid: number | null;
  starts: number;
  /** Failed attempts to bring the network up since it was last up. Absent from an older agent. */
  attempts?: number;
  /** Seconds until the next attempt; null: one runs, or none is due. Absent from an older agent. */
  nextAttemptSeconds?: number | null;
  notices: ZigbeeNotice[];
  /** Why the bus is unavailable. */
  problem: { reason: string; message: string } | null;
}

/** What happens while joining is open. */
export type JoinEvent =
  | { event: 'open'; bus: string; seconds: number }
  | { event: 'closed'; bus: string }
  | { event: 'joined' | 'interview_started' | 'interview_done' | 'interview_failed'; bus: string; address: string }
  /** `problem`: what the device does not report by itself; null: it reports all. */
  | { event: 'reporting'; bus: string; address: string; problem: string | null }
  | { event: 'device'; bus: string; address: string; vendor: string | null; model: string | null };

/** Who hears whom. */
export interface ZigbeeMap {
  bus: string;
  neighbours: { of: string; address: string; relation: 'parent' | 'child' | 'sibling' | 'other'; quality: number }[];
  /** Routers that did not answer. */
  unasked: string[];
}

/** What can be done with a Zigbee network on the hub; never by the cloud. */
export interface ZigbeeNetwork {
  readonly id: string;
  status(): ZigbeeStatus;
  /** 1 to 254 s; 0 closes. @throws HubError `bus_unavailable` */
  permitJoin(seconds: number): Promise<void>;
  /** Returns the unsubscriber. */
  onJoin(listener: (event: JoinEvent) => void): () => void;
  /**
   * `confirmed`: the device said that it leaves. @throws HubError `bus_unavailable`, also for a device that only the coordinator knows and that does not
   *   answer; `invalid_args` for an address that is not known
   */
  remove(address: string): Promise<{ confirmed: boolean }>;
  /** Saves database and backup, and keeps the copies. @throws HubError `bus_unavailable`, `storage_failed` */
  backup(): Promise<{ savedAt: number | null; devices: number }>;
  map(): Promise<ZigbeeMap>;
  /** Writes the hub's network to the stick that is plugged in; returns when that began. @throws HubError `bus_unavailable` when the bus is stopped */
  restore(): void;
  /**
   * Forms another network; every paired device has to be paired again. `devices` is how many, as a check that it is known.
   * @throws HubError `invalid_args` when it is another number
   */
  form(devices: number): void;
}
