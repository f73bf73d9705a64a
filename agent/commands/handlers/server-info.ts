import { argsObject } from '../../contract/args.ts';
import type { BusStatus } from '../../contract/node.ts';
import type { ReleaseReport } from '../../contract/release.ts';
import type { Claim } from '../../contract/shadow.ts';
import type { Wifi } from '../../contract/wifi.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import { HubError } from '../../system/errors.ts';
import type { HostFacts } from '../../system/host.ts';
import type { NetworkInterface } from '../../system/linux/host-network.ts';
import { within } from '../../system/timeout.ts';
import type { CommandHandler } from './handler.ts';

/** Grows when a field of the result changes its meaning or goes; new fields do not count. */
const SCHEMA_VERSION = 1;
/** With these bounds, all of them reached, the result stays under 4 KB: half of a shadow. */
const MAX_INTERFACES = 6;
const MAX_ADDRESSES = 3;
const MAX_BUSES = 8;
const MAX_MESSAGE_LENGTH = 66;
/** A stuck Wi-Fi stack must not cost the rest of the answer. */
const WIFI_TIMEOUT_MS = 3_000;

/** Who the hub is, as it was manufactured. */
export interface ServerInfoIdentity {
  hubId: string;
  serial: string;
  model: string;
  vendorName: string;
  thingName: string;
}

/** The state of the MQTT connection now. */
export interface CloudFacts {
  endpoint: string;
  port: number;
  connected: boolean;
  /** Null while there is no session. */
  sessionAgeMs: number | null;
  /** Sessions since the agent's start, the first one not counted. */
  reconnectCount: number;
  /** How often another client came with this hub's client id since the agent's start. */
  takeovers: number;
}

export interface ServerInfoDeps {
  identity: ServerInfoIdentity;
  /** The agent's. */
  version: string;
  /** The end of the hub's certificate. */
  certificateExpiresAt: Date;
  host: HostFacts;
  cloudFacts: () => CloudFacts;
  buses: () => BusStatus[];
  claim: () => Claim | null;
  release: () => ReleaseReport;
  wifi: Pick<Wifi, 'current' | 'credentialsSet'>;
  clock: MonotonicClock;
  timeoutMs: number;
}

function describeInterface({ name, mac, state, wireless, addresses }: NetworkInterface) {
  return { name, mac, state, wireless, addresses: addresses?.slice(0, MAX_ADDRESSES) ?? null };
}

function describeBus({ id, protocol, state, error }: BusStatus) {
  if (!error) return { id, protocol, state };
  const { code, message, reason } = error;
  return { id, protocol, state, error: { code, message: message.slice(0, MAX_MESSAGE_LENGTH), ...(reason && { reason }) } };
}

function describeCloud({ endpoint, port, connected, sessionAgeMs, reconnectCount, takeovers }: CloudFacts) {
  const sessionAgeSeconds = sessionAgeMs === null ? null : Math.floor(sessionAgeMs / 1000);
  return { endpoint, port, connected, sessionAgeSeconds, reconnectCount, takeovers };
}

/** `server_info`: the facts of hub, host and agent (contract, "Commands"). Unknown is null; at most three levels deep, units in the names. */
export function createServerInfo(deps: ServerInfoDeps): CommandHandler<Record<string, never>> {
  const { identity, version, host, wifi, clock } = deps;
  const inTime = <T>(fact: Promise<T>) => within(clock, WIFI_TIMEOUT_MS, fact, () => null).catch(() => null);
  return {
    name: 'server_info',
    resource: 'host',
    repeatable: true,
    timeoutMs: deps.timeoutMs,

    parse(args) {
      argsObject(args);
      return {};
    },

    async run(_args, signal) {
      const [facts, connection, wifiCredentialsSet] = await Promise.all([
        host.collect(),
        inTime(wifi.current()),
        inTime(wifi.credentialsSet()),
      ]);
      if (signal.aborted) throw new HubError('aborted', 'server_info was ended');
      const { hubId, serial, model, vendorName, thingName } = identity;
      const [oneMinute, fiveMinutes, fifteenMinutes] = facts.load ?? [];
      const buses = deps.buses();
      const release = deps.release();
      return {
        schemaVersion: SCHEMA_VERSION,
        hub: { hubId, serial, model, vendorName, thingName },
        certificate: { expiresAt: deps.certificateExpiresAt.toISOString() },
        agent: {
          version,
          nodeVersion: facts.nodeVersion,
          uptimeSeconds: facts.processUptimeSeconds,
          rssBytes: facts.memory.agentRssBytes,
        },
        release: { sequence: release.sequence, trial: release.trial },
        host: {
          hostname: facts.hostname,
          osName: facts.osName,
          osVersion: facts.osVersion,
          kernel: facts.kernel,
          arch: facts.arch,
          bootId: facts.bootId,
          uptimeSeconds: facts.uptimeSeconds,
          temperatureCelsius: facts.temperatureCelsius,
          clockSynchronized: facts.clockSynchronized,
        },
        memory: { totalBytes: facts.memory.totalBytes, availableBytes: facts.memory.availableBytes },
        disk: facts.disk,
        load: facts.load && { oneMinute, fiveMinutes, fifteenMinutes },
        interfaceCount: facts.interfaces?.length ?? null,
        interfaces: facts.interfaces?.slice(0, MAX_INTERFACES).map(describeInterface) ?? null,
        wifi: connection && { ssid: connection.ssid, signalDbm: connection.signalDbm },
        wifiCredentialsSet,
        cloud: describeCloud(deps.cloudFacts()),
        busCount: buses.length,
        buses: buses.slice(0, MAX_BUSES).map(describeBus),
        claim: deps.claim(),
      };
    },
  };
}
