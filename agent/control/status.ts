import type { Alarm } from '../contract/alarm.ts';
import type { CloudFacts } from '../contract/cloud.ts';
import type { BusStatus, Node } from '../contract/node.ts';
import type { ReleaseReport } from '../contract/release.ts';
import type { Claim } from '../contract/shadow.ts';
import type { WifiConnection } from '../contract/wifi.ts';
import type { ZigbeeStatus } from '../contract/zigbee.ts';
import { onDefaultKey } from '../health/bus.ts';
import type { MonotonicClock, WallClock } from '../system/clock.ts';
import type { FileFault } from '../system/file-faults.ts';
import type { Fault } from '../system/guard.ts';
import type { HostFacts } from '../system/host.ts';
import type { OutputState } from '../system/output.ts';
import { within } from '../system/timeout.ts';
import type { CommandReport, StatusReport } from './api.ts';
import { nodeReport } from './node-findings.ts';

/** What the status is made of. Every call answers at once, except those of host and Wi-Fi, which are given a bound here. */
export interface StatusDeps {
  version: string;
  identity: StatusReport['identity'];
  release(): ReleaseReport;
  claim(): Claim | null;
  fileFaults(): readonly FileFault[];
  cloud(): CloudFacts;
  wifi(): Promise<WifiConnection | null>;
  host: HostFacts;
  buses(): BusStatus[];
  zigbee(): ZigbeeStatus[];
  nodes(): StatusReport['nodes'];
  /** All nodes as known now. */
  knownNodes(): Promise<readonly Node[]>;
  commands(): CommandReport[];
  logLevel(): string;
  logOutput(): OutputState;
  faults(): Fault[];
  alarms(): readonly Alarm[];
  wallClock: WallClock;
  clock: MonotonicClock;
}

/** A stuck Wi-Fi stack or disk must not keep the rest of the screen away; below what hubctl waits. */
const PART_TIMEOUT_MS = 1_500;
/** As many as a small screen takes. */
const LAST_COMMANDS = 5;

/** The status now. Never throws; what is not known in time is null. */
export async function collectStatus(deps: StatusDeps): Promise<StatusReport> {
  const [facts, wifi, known] = await Promise.all([
    inTime(deps, deps.host.collect()),
    inTime(deps, deps.wifi()),
    inTime(deps, deps.knownNodes()),
  ]);
  const { hubId, serial, model, vendorName, thingName } = deps.identity;
  return {
    apiVersion: 1,
    agent: {
      version: deps.version,
      pid: process.pid,
      uptimeSeconds: Math.floor(process.uptime()),
      logLevel: deps.logLevel(),
      rssBytes: facts?.memory.agentRssBytes ?? null,
      faults: deps.faults(),
      logOutput: deps.logOutput(),
    },
    release: deps.release(),
    identity: { hubId, serial, model, vendorName, thingName },
    claim: deps.claim(),
    fileFaults: [...deps.fileFaults()],
    cloud: deps.cloud(),
    clock: { nowMs: deps.wallClock.nowMs(), synchronized: facts?.clockSynchronized ?? null },
    wifi,
    host: {
      hostname: facts?.hostname ?? null,
      uptimeSeconds: facts?.uptimeSeconds ?? null,
      memoryAvailableBytes: facts?.memory.availableBytes ?? null,
      memoryTotalBytes: facts?.memory.totalBytes ?? null,
      diskAvailableBytes: facts?.disk.availableBytes ?? null,
      diskTotalBytes: facts?.disk.totalBytes ?? null,
      temperatureCelsius: facts?.temperatureCelsius ?? null,
    },
    buses: deps.buses(),
    zigbee: deps.zigbee(),
    nodes: deps.nodes(),
    nodesByBus: countByBus(known ?? []),
    nodeFindings: nodeReport(known ?? []),
    alarms: [...deps.alarms()],
    lastCommands: deps.commands().slice(-LAST_COMMANDS).reverse(),
  };
}

function countByBus(nodes: readonly Node[]): NonNullable<StatusReport['nodesByBus']> {
  return [...Map.groupBy(nodes, ({ bus }) => bus)].map(([bus, own]) => ({
    bus,
    total: own.length,
    available: own.filter(({ available }) => available).length,
    defaultKey: onDefaultKey(own),
  }));
}

/** The answer of a part within its time, else null. */
function inTime<T>({ clock }: StatusDeps, part: Promise<T>): Promise<T | null> {
  return within(clock, PART_TIMEOUT_MS, part, () => null).catch(() => null);
}
