import type { NodeWifiNetwork } from 'node-wifi';
import type { WifiConnection } from '../../contract/wifi.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import { HubError } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import type { SeenNetwork } from '../change/plan.ts';
import { findDevice } from '../networkmanager/device.ts';
import { isNetworkManagerError, type NetworkManager, type ObjectPath } from '../networkmanager/network-manager.ts';
import { dbmOfRow, keyManagementOfRow, mergeAccessPoints, namedAccessPoints } from './seen-networks.ts';

/** node-wifi, set up for one interface, as a port. */
export interface NodeWifiPort {
  scan(): Promise<NodeWifiNetwork[]>;
  getCurrentConnections(): Promise<NodeWifiNetwork[]>;
}

/** node-wifi has no timeout of its own; nmcli may wait for a scan for some seconds. */
const NODE_WIFI_TIMEOUT_MS = 15_000;
/** Each look starts nmcli, which also scans when the last scan is over 30 s old; a report does not need a fresher figure. */
const CURRENT_MAX_AGE_MS = 15_000;
/** A queued scan starts within the 8 s of NetworkManager's limit and takes about 3 s. */
const SCAN_WAIT_MS = 12_000;
const SCAN_POLL_MS = 500;
/** A single scan misses an access point now and then. */
const SCANS = 2;

/** What is in the air, and what the hub is on. */
export interface WifiSurvey {
  /** The connection now, up to 15 s old; null when there is none or it cannot be known. Never throws. */
  current(): Promise<WifiConnection | null>;
  /** Forgets what `current` remembers. */
  changed(): void;
  /**
   * Looks for a network by name, scanning again when it is not in the list. `probe`: ask for it by name, as a hidden one needs.
   * @throws NetworkManagerError; HubError `aborted`
   */
  find(ssid: string, device: ObjectPath, probe: boolean, signal: AbortSignal): Promise<SeenNetwork | null>;
}

/**
 * nmcli's output passes through its locale and a colon-separated line, and node-wifi does not undo all of that: names beyond plain ASCII, and
 * those with a colon or a backslash, are read over D-Bus.
 */
const PLAIN_SSID = /^[\x21-\x39\x3b-\x5b\x5d-\x7e](?:[\x20-\x39\x3b-\x5b\x5d-\x7e]*[\x21-\x39\x3b-\x5b\x5d-\x7e])?$/;

/** Surveys with node-wifi where it serves, and with NetworkManager's own list where not. */
export function createWifiSurvey(deps: {
  nodeWifi: () => Promise<NodeWifiPort>;
  networkManager: NetworkManager;
  /** Null: the first that NetworkManager knows. */
  interfaceName: string | null;
  clock: MonotonicClock;
  log: Log;
}): WifiSurvey {
  const { networkManager, interfaceName, clock, log } = deps;
  let remembered: { at: number; connection: Promise<WifiConnection | null> } | null = null;

  /** Null when node-wifi failed or took too long. */
  async function ask(what: 'scan' | 'getCurrentConnections', signal?: AbortSignal): Promise<NodeWifiNetwork[] | null> {
    const done = new AbortController();
    const either = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
    try {
      const rows = deps.nodeWifi().then((port) => port[what]());
      return await Promise.race([rows, sleep(clock, NODE_WIFI_TIMEOUT_MS, either).then(() => null)]);
    } catch (error) {
      // Of the error only its kind: it holds a command line and nmcli's output.
      log.debug({ event: 'wifi_survey_failed', what, code: (error as { code?: unknown }).code }, 'node-wifi could not look');
      return null;
    } finally {
      done.abort();
    }
  }

  async function look(): Promise<WifiConnection | null> {
    const row = (await ask('getCurrentConnections'))?.find((each) => each.ssid);
    if (!row) return null;
    const garbled = row.ssid.includes('?') || !PLAIN_SSID.test(row.ssid);
    return { ssid: (garbled ? await activeSsid() : null) ?? row.ssid, signalDbm: dbmOfRow(row) };
  }

  /** The name that the active profile asks for, or null. */
  async function activeSsid(): Promise<string | null> {
    try {
      const device = await findDevice(networkManager, interfaceName);
      const active = await networkManager.activeProfile(device.path);
      const profile = (await networkManager.wifiProfiles()).find((each) => each.uuid === active);
      return profile?.ssid.toString('utf8') ?? null;
    } catch {
      return null;
    }
  }

  async function listed(ssid: string, device: ObjectPath): Promise<SeenNetwork | null> {
    return mergeAccessPoints(ssid, namedAccessPoints(await networkManager.accessPoints(device), Buffer.from(ssid)));
  }

  /** False when scanning is not allowed: waiting for its result would be in vain. */
  async function scan(ssid: string, device: ObjectPath, probe: boolean, signal: AbortSignal): Promise<boolean> {
    const before = await networkManager.lastScan(device);
    try {
      await networkManager.requestScan(device, probe ? Buffer.from(ssid) : null);
    } catch (error) {
      if (!isNetworkManagerError(error, 'permission_denied', 'failed')) throw error;
      log.warn({ event: 'wifi_scan_refused', problem: error.problem }, error.message);
      if (error.problem === 'permission_denied') return false;
    }
    const end = clock.nowMs() + SCAN_WAIT_MS;
    while (clock.nowMs() < end && !signal.aborted) {
      await sleep(clock, SCAN_POLL_MS, signal);
      if ((await networkManager.lastScan(device)) !== before || (await listed(ssid, device))) break;
    }
    return true;
  }

  return {
    current() {
      if (!remembered || clock.nowMs() - remembered.at > CURRENT_MAX_AGE_MS) {
        remembered = { at: clock.nowMs(), connection: look() };
      }
      return remembered.connection;
    },

    changed() {
      remembered = null;
    },

    async find(ssid, device, probe, signal) {
      if (PLAIN_SSID.test(ssid)) {
        const rows = (await ask('scan', signal))?.filter((row) => row.ssid === ssid) ?? [];
        const points = rows.map((row) => ({ offers: keyManagementOfRow(row), signalDbm: dbmOfRow(row) }));
        const seen = mergeAccessPoints(ssid, points);
        if (seen) return seen;
      }
      let seen = await listed(ssid, device);
      for (let scans = 0; !seen && scans < SCANS && !signal.aborted; scans++) {
        if (!(await scan(ssid, device, probe, signal))) break;
        seen = await listed(ssid, device);
      }
      if (signal.aborted) throw new HubError('aborted', 'The survey was cancelled.');
      return seen;
    },
  };
}

/** The real node-wifi, loaded when first needed: it sets the process's LANG and LC_ALL. */
export async function loadNodeWifi(interfaceName: string | null): Promise<NodeWifiPort> {
  const { default: nodeWifi } = await import('node-wifi');
  nodeWifi.init({ iface: interfaceName });
  return nodeWifi;
}
