import type { Alarm } from './alarm.ts';
import type { CommandError, CommandStatus } from './command.ts';
import type { ReleaseReport } from './release.ts';

/** What the hub learns of its shadow: the whole document (`read`) or a delta. */
export interface ShadowView {
  source: 'read' | 'delta';
  /** Grows with every accepted update. 0: the shadow does not exist yet. */
  version: number;
  /** When the Shadow service sent this, epoch seconds of the cloud's clock. */
  timestampSeconds: number;
  /** `read`: the desired state; `delta`: the part of it that differs from the reported one. */
  desired: Record<string, unknown>;
  /** Leaf for leaf `{timestamp}` in epoch seconds, in the shape of `desired`. */
  desiredMetadata: Record<string, unknown>;
  /** Only with `read`. */
  reported: Record<string, unknown> | null;
  /** Only with `read`: when `reported.online` was last written, epoch seconds of the cloud's clock; absent or 0: not known. */
  onlineWrittenSeconds?: number;
}

/** The claim that ClaimHub writes into `desired.claim` and the hub reports. */
export interface Claim {
  orgId: string;
  siteId: string;
  claimedBy: string;
  /** Epoch milliseconds. */
  claimedAt: number;
}

/** The last command in the reported state. */
export interface LastCommand {
  id: string;
  command: string;
  status: CommandStatus;
  /** Epoch milliseconds of the hub's clock. */
  receivedAt: number;
  finishedAt?: number;
  /** Inline only while the reported state fits its budget. */
  result?: Record<string, unknown>;
  resultTopic: string;
  error?: CommandError;
}

/** The reported state (contract, "Shadow"). */
export interface Reported {
  online: boolean;
  session: string;
  /** Epoch milliseconds. */
  lastSeen: number;
  version: string;
  uptimeSeconds: number;
  hubId: string;
  serial: string;
  model: string;
  vendorName: string;
  claim?: Claim;
  wifi?: { ssid: string; signalDbm?: number };
  /** Only in its last 30 days: its end, ISO 8601. */
  certificate?: { expiresAt: string };
  nodes?: { total: number; available: number; scanComplete: boolean };
  lastCommand?: LastCommand;
  /** Oldest first; at most 8. */
  alarms?: Alarm[];
  /** How many more alarms the hub knows; absent: none. */
  alarmsOmitted?: number;
  /** When another client last connected with this hub's client id and certificate, epoch milliseconds. Goes with the certificate. */
  takenOverAt?: number;
  /** Which release runs; absent where the agent was not started by its launcher. */
  update?: ReleaseReport;
}

/** One write to the shadow. `version` makes it conditional: HubError `shadow_conflict` when the shadow has moved on. */
export interface ShadowUpdate {
  desired?: Record<string, unknown>;
  reported?: Record<string, unknown>;
  version?: number;
}
