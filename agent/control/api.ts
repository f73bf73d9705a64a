import type { Alarm } from '../contract/alarm.ts';
import type { CloudFacts } from '../contract/cloud.ts';
import type { CommandOutcome, CommandStatus } from '../contract/command.ts';
import type { BusStatus } from '../contract/node.ts';
import type { ReleaseReport } from '../contract/release.ts';
import type { Claim } from '../contract/shadow.ts';
import type { WifiConnection, WifiNotJoined, WifiObstacle, WifiProblem } from '../contract/wifi.ts';
import type { ZigbeeStatus } from '../contract/zigbee.ts';
import type { FileFault } from '../system/file-faults.ts';
import type { Fault } from '../system/guard.ts';
import type { OutputState } from '../system/output.ts';
import type { NodeFinding } from './node-findings.ts';

/**
 * The local control API, version 1: HTTP/1.1 over two Unix sockets beside each other, JSON in and out. Fields are only added within a
 * version. Errors are `{error: {code, message}}`; streams are JSON lines.
 *
 * control.sock, mode 0660, reads:
 *   GET /v1/status · /v1/nodes[?bus=ID] · /v1/commands · /v1/wifi · /v1/zigbee
 *   GET /v1/logs[?lines=N][&follow=1]   stream of log lines
 *   GET /v1/bus/ID/trace                stream of BusTrace
 * admin.sock, mode 0600, changes or sends, each use logged:
 *   POST /v1/run {command, args}        stream: {"waiting":true} every second, then the finished CommandReport
 *   PUT /v1/log-level {level, minutes} · POST /v1/reset {kind}
 *   POST /v1/nodes/identify {nodeId, seconds} · /v1/nodes/forget {nodeId} · /v1/bus/ID/set-address {from, to, baudRate?}
 *   POST /v1/bus/ID/rekey {address?, defaultKey?}
 *                                       stream: {"waiting":true} every second, then {"result"} or {"error"}
 *   POST /v1/zigbee/ID/permit-join {seconds}   stream of JoinEvent until joining is closed
 *   POST /v1/zigbee/ID/remove {address} · backup · map   stream: {"waiting":true} every second, then {result} or {error}
 *   POST /v1/zigbee/ID/restore · form {devices}
 *   POST /v1/ping                       publishes to the cloud, and lets a waiting agent try at once
 */

/**
 * Optional header of a request: seconds since boot after which the client no longer waits for the answer. What a hung agent finds in its queue when it
 * goes on must not be done behind the back of the one who gave up.
 */
export const DEADLINE_HEADER = 'hub-deadline';

/** A stream sends a sign of life this often: for a client, a silence of a few intervals means that the agent hangs. */
export const HEARTBEAT_MS = 1_000;

/** A command in the journal, without its args: they may hold credentials. Times are epoch milliseconds. */
export interface CommandReport {
  id: string;
  intake: string;
  command: string;
  /** `IN_PROGRESS` until its outcome is known; null once it was delivered and its outcome dropped. */
  status: CommandStatus | null;
  stage: string;
  receivedAt: number;
  finishedAt: number | null;
  outcome: CommandOutcome | null;
  /** What was delivered, once its outcome is dropped: status and error code. Null before, and for commands that an older agent answered. */
  answered?: { status: CommandStatus; code: string | null } | null;
}

/** Everything on the status screen. Sizes are bytes, times seconds unless the name says otherwise. */
export interface StatusReport {
  apiVersion: 1;
  agent: {
    version: string;
    pid: number;
    uptimeSeconds: number;
    logLevel: string;
    rssBytes: number | null;
    /** Exceptions that the agent caught and outlived, by place. */
    faults: Fault[];
    /** Whether standard output takes the log's lines. */
    logOutput: OutputState;
  };
  /** Which release runs. Absent from an older agent. */
  release?: ReleaseReport;
  identity: { hubId: string; serial: string; model: string; vendorName: string; thingName: string };
  claim: Claim | null;
  /** What the agent could not do with its files the last time it tried: the operation, the path, and the error's code. */
  fileFaults?: FileFault[];
  cloud: CloudFacts;
  clock: { nowMs: number; synchronized: boolean | null };
  wifi: WifiConnection | null;
  host: {
    hostname: string | null;
    uptimeSeconds: number | null;
    memoryAvailableBytes: number | null;
    memoryTotalBytes: number | null;
    diskAvailableBytes: number | null;
    diskTotalBytes: number | null;
    temperatureCelsius: number | null;
  };
  buses: BusStatus[];
  /** The Zigbee networks. Absent from an older agent. */
  zigbee?: ZigbeeStatus[];
  nodes: { total: number; available: number; scanComplete: boolean };
  /** The same for each bus that has nodes, and the addresses that have the default key. Absent from an older agent. */
  nodesByBus?: { bus: string; total: number; available: number; defaultKey?: string[] }[];
  /** What is wrong with nodes; those that are not secured first, a bounded number. An agent that is being upgraded may not say. */
  nodeFindings?: NodeFinding[];
  /** What the hub reports without being asked, oldest first. Absent from an older agent. */
  alarms?: Alarm[];
  /** The latest, newest first. */
  lastCommands: CommandReport[];
}

/** The Wi-Fi as the agent may use it. */
export interface WifiReport {
  connection: WifiConnection | null;
  credentialsSet: boolean | null;
  /** Why it cannot change networks, with the remedy; null when it can. */
  problem: string | null;
  /** The same as a word, and the interface that it is about. Absent from an older agent. */
  reason?: WifiObstacle | null;
  device?: string | null;
  /** A known network in reach that it does not join by itself. Absent from an older agent. */
  notJoined?: WifiNotJoined | null;
}

/** The part of `WifiReport` about a problem. */
export const told = (problem: WifiProblem | null): Pick<WifiReport, 'problem' | 'reason' | 'device'> => ({
  problem: problem?.message ?? null,
  reason: problem?.reason ?? null,
  device: problem?.device ?? null,
});

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
