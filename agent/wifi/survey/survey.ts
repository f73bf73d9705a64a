import type { NodeWifiNetwork } from 'node-wifi';
import type { WifiConnection } from '../../contract/wifi.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import { HubError, isHubError } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import { within } from '../../system/timeout.ts';
import type { SeenNetwork } from '../change/plan.ts';
import { findDevice } from '../networkmanager/device.ts';
import { DEVICE_STATE, isNetworkManagerError, type NetworkManager, type ObjectPath } from '../networkmanager/network-manager.ts';
import type { NodeWifiPort } from './node-wifi-thread.ts';
import { dbmOfPercent, dbmOfRow, keyManagementOfRow, mergeAccessPoints, namedAccessPoints } from './seen-networks.ts';
import { isNamed, ssidText } from './ssid.ts';

/** node-wifi has no timeout of its own; nmcli may wait for a scan for some seconds. */
const NODE_WIFI_TIMEOUT_MS = 15_000;
/** Each look is some calls; a report does not need a fresher figure. */
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
 * nmcli's output passes through its locale and a colon-separated line, and node-wifi does not undo all of that: rows with other names are not
 * counted, and a name with a `?` may stand for another.
 */
const PLAIN_SSID =
  /^[\x21-\x39\x3b-\x3e\x40-\x5b\x5d-\x7e](?:[\x20-\x39\x3b-\x3e\x40-\x5b\x5d-\x7e]*[\x21-\x39\x3b-\x3e\x40-\x5b\x5d-\x7e])?$/;

/**
 * Surveys with NetworkManager's own list, in which names are bytes, and with node-wifi, which has nmcli scan when that list is old. Names in the
 * air come from any sender; neither way lets one end the agent or pass for another.
 */
export function createWifiSurvey(deps: {
  nodeWifi: NodeWifiPort;
  networkManager: NetworkManager;
  /** Null: the first that NetworkManager knows. */
  interfaceName: string | null;
  clock: MonotonicClock;
  log: Log;
}): WifiSurvey {
  const { networkManager, interfaceName, clock, log } = deps;
  let remembered: { at: number; connection: Promise<WifiConnection | null> } | null = null;

  /** The rows of node-wifi; none when it failed or took too long. */
  async function askNodeWifi(signal: AbortSignal): Promise<NodeWifiNetwork[]> {
    let timedOut = false;
    const late = (): NodeWifiNetwork[] => {
      timedOut = true;
      throw new HubError('aborted', 'It took too long.');
    };
    try {
      return await within(clock, NODE_WIFI_TIMEOUT_MS, (ending) => deps.nodeWifi.scan(ending), late, { signal });
    } catch {
      log.debug({ event: 'wifi_survey_failed', timedOut }, 'node-wifi could not survey');
      return [];
    }
  }

  async function look(): Promise<WifiConnection | null> {
    try {
      const device = await findDevice(networkManager, interfaceName);
      if (device.state !== DEVICE_STATE.activated) return null;
      const point = await networkManager.activeAccessPoint(device.path);
      const ssid = point && isNamed(point.ssid) ? point.ssid : await activeSsid(device.path);
      return ssid && { ssid: ssidText(ssid), signalDbm: point && dbmOfPercent(point.strengthPercent) };
    } catch (error) {
      log.debug({ event: 'wifi_current_unknown', code: isHubError(error) ? error.code : 'internal' }, 'The Wi-Fi could not be asked for');
      return null;
    }
  }

  /** The name that the active profile asks for, or null. */
  async function activeSsid(device: ObjectPath): Promise<Buffer | null> {
    const active = await networkManager.activeProfile(device);
    return (await networkManager.wifiProfiles()).find((each) => each.uuid === active)?.ssid ?? null;
  }

  /** What NetworkManager's list and node-wifi's rows say together. */
  async function listed(ssid: string, device: ObjectPath, rows: readonly NodeWifiNetwork[] = []): Promise<SeenNetwork | null> {
    const own = namedAccessPoints(await networkManager.accessPoints(device), Buffer.from(ssid));
    const others = PLAIN_SSID.test(ssid) ? rows.filter((row) => row.ssid === ssid) : [];
    return mergeAccessPoints(ssid, [...own, ...others.map((row) => ({ offers: keyManagementOfRow(row), signalDbm: dbmOfRow(row) }))]);
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
      let seen = await listed(ssid, device, await askNodeWifi(signal));
      for (let scans = 0; !seen && scans < SCANS && !signal.aborted; scans++) {
        if (!(await scan(ssid, device, probe, signal))) break;
        seen = await listed(ssid, device);
      }
      if (signal.aborted) throw new HubError('aborted', 'The survey was cancelled.');
      return seen;
    },
  };
}
