import { PROFILE_ID_PREFIX } from '../../state/machine-layout.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import type { Log } from '../../system/log.ts';
import {
  DEVICE_STATE,
  isNetworkManagerError,
  type NetworkManager,
  NetworkManagerError,
  type ObjectPath,
  type WifiProfile,
} from '../networkmanager/network-manager.ts';
import type { ChangeMarker } from './marker.ts';

/** A network that is not in the list of access points takes 10–13 s (measured). */
const ACTIVATION_WAIT_MS = 15_000;

/** NetworkManager needs a few seconds to restart; a slow board with a full journal needs more. */
const MANAGER_WAIT_MS = 45_000;
const POLL_MS = 1000;
/** After a restart NetworkManager is back on a known network within 10–20 s (measured). */
const AUTOCONNECT_WAIT_MS = 25_000;

/** A change's traces in NetworkManager: from the marker, and from the running change alone. */
export interface ChangeTraces extends ChangeMarker {
  /** `unknown`: one may stand, its path was never learnt. */
  checkpoint: ObjectPath | 'none' | 'unknown';
}

/**
 * What settling found and did: `clean` (nothing was left), `undone` (the checkpoint or the candidate was taken back), `kept` (the candidate
 * was on disk, so it had been proven: it stays).
 */
export type SettleOutcome = 'clean' | 'undone' | 'kept';

/** The ways back from a change. Everything is looked up afresh by UUID and interface name: paths change when NetworkManager restarts. */
export interface Restorer {
  /** Takes back a change that did not touch the link yet, without touching it. @throws NetworkManagerError */
  abandon(traces: ChangeTraces): Promise<void>;
  /** Goes back to the old network by the checkpoint, which deletes the candidate from memory and disk (measured). @throws NetworkManagerError when there is none or it failed */
  rollBack(traces: ChangeTraces): Promise<void>;
  /**
   * Puts in order what a cut change left, waiting for NetworkManager when it is away. `keepSaved`: a candidate on disk may stay.
   * @throws NetworkManagerError when NetworkManager stays away, or `signal` ends the wait
   */
  settle(traces: ChangeTraces, keepSaved: boolean, signal: AbortSignal): Promise<SettleOutcome>;
  /** Deletes unproven profiles of ours. */
  removeLeftovers(): Promise<number>;
  /**
   * Deletes every profile of ours, from the disk too, and gives how many. The one that is active goes last: the link falls with it, and
   * NetworkManager looks for a network that is left. @throws NetworkManagerError
   */
  removeOwn(): Promise<number>;
  /**
   * Waits until the device is connected: to the candidate when that was `kept`, else to any other network; when NetworkManager does not do
   * it by itself, activates the one that is due. False when that did not come about in time. True when there is nothing to go back to.
   * @throws NetworkManagerError
   */
  ensureConnected(traces: ChangeTraces, kept: boolean, signal: AbortSignal): Promise<boolean>;
}

function isOwn(profile: WifiProfile): boolean {
  return profile.id.startsWith(PROFILE_ID_PREFIX);
}

/** True for a profile of ours that was never proven: a proven one is on disk and connects by itself. */
function isLeftover(profile: WifiProfile): boolean {
  return isOwn(profile) && (profile.unsaved || !profile.autoconnect);
}

/** Builds the ways back. `checkpointSeconds` is how a checkpoint whose path is unknown is recognised as ours. */
export function createRestorer(deps: {
  networkManager: NetworkManager;
  clock: MonotonicClock;
  log: Log;
  checkpointSeconds: number;
  sync: () => Promise<void>;
}): Restorer {
  const { networkManager: manager, clock, log } = deps;

  async function deviceOf(interfaceName: string): Promise<ObjectPath | null> {
    return (await manager.wifiDevices()).find((device) => device.interfaceName === interfaceName)?.path ?? null;
  }

  /** The change's checkpoint, when it still stands. */
  async function findCheckpoint(traces: ChangeTraces): Promise<ObjectPath | null> {
    if (traces.checkpoint === 'none') return null;
    const standing = await manager.checkpoints();
    if (traces.checkpoint !== 'unknown') return standing.find((each) => each.path === traces.checkpoint)?.path ?? null;
    const device = await deviceOf(traces.interfaceName);
    const ours = standing.find(
      (each) => each.devices.length === 1 && each.devices[0] === device && each.rollbackTimeoutSeconds === deps.checkpointSeconds,
    );
    return ours?.path ?? null;
  }

  async function findCandidate(traces: ChangeTraces): Promise<WifiProfile | null> {
    return (await manager.wifiProfiles()).find((profile) => profile.uuid === traces.uuid) ?? null;
  }

  /** Deleting what is gone already is fine. */
  async function remove(profile: WifiProfile | null): Promise<void> {
    if (!profile) return;
    try {
      await manager.deleteProfile(profile.path);
    } catch (error) {
      if (!isNetworkManagerError(error, 'unknown_object')) throw error;
    }
  }

  async function destroy(checkpoint: ObjectPath): Promise<void> {
    try {
      await manager.destroyCheckpoint(checkpoint);
    } catch (error) {
      if (!isNetworkManagerError(error, 'unknown_object', 'failed')) throw error;
    }
  }

  async function connects(traces: ChangeTraces, kept: boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const end = clock.nowMs() + timeoutMs;
    while (!signal.aborted && clock.nowMs() < end) {
      try {
        const device = await deviceOf(traces.interfaceName);
        const active =
          device && (await manager.deviceState(device)) === DEVICE_STATE.activated ? await manager.activeProfile(device) : null;
        if (active !== null && (active === traces.uuid) === kept) return true;
      } catch (error) {
        // It may be restarting.
        if (!isNetworkManagerError(error, 'not_running', 'no_reply', 'unknown_object')) throw error;
      }
      await sleep(clock, POLL_MS, signal);
    }
    return false;
  }

  async function settleOnce(traces: ChangeTraces, keepSaved: boolean): Promise<SettleOutcome> {
    const candidate = await findCandidate(traces);
    const checkpoint = await findCheckpoint(traces);
    const proven = candidate !== null && !isLeftover(candidate);
    if (checkpoint) {
      // Without a candidate the link was not touched: ending the checkpoint leaves it alone, a rollback would drop it.
      if (candidate) await manager.rollBack(checkpoint);
      else await destroy(checkpoint);
      return 'undone';
    }
    if (proven && keepSaved) {
      await deps.sync();
      return 'kept';
    }
    await remove(candidate);
    return candidate ? 'undone' : 'clean';
  }

  return {
    async abandon(traces) {
      const checkpoint = await findCheckpoint(traces);
      if (checkpoint) await destroy(checkpoint);
      await remove(await findCandidate(traces));
    },

    async rollBack(traces) {
      const checkpoint = await findCheckpoint(traces);
      if (!checkpoint) throw new NetworkManagerError('unknown_object', 'The checkpoint is gone.');
      await manager.rollBack(checkpoint);
    },

    async settle(cut, keepSaved, signal) {
      // Checkpoint paths count from 1 again after a restart of NetworkManager: a remembered one may be another's.
      const traces: ChangeTraces = cut.checkpoint === 'none' ? cut : { ...cut, checkpoint: 'unknown' };
      const end = clock.nowMs() + MANAGER_WAIT_MS;
      for (;;) {
        try {
          const late = signal.aborted || clock.nowMs() >= end;
          if (late || (await deviceOf(traces.interfaceName))) return await settleOnce(traces, keepSaved);
        } catch (error) {
          if (!isNetworkManagerError(error) || error.problem === 'permission_denied' || signal.aborted || clock.nowMs() >= end) throw error;
        }
        await sleep(clock, POLL_MS, signal);
      }
    },

    async removeLeftovers() {
      const leftovers = (await manager.wifiProfiles()).filter(isLeftover);
      for (const profile of leftovers) await remove(profile);
      if (leftovers.length > 0) log.warn({ event: 'wifi_leftovers_removed', count: leftovers.length }, 'Unproven Wi-Fi profiles removed');
      return leftovers.length;
    },

    async removeOwn() {
      const own = (await manager.wifiProfiles()).filter(isOwn);
      if (own.length === 0) return 0;
      const devices = await manager.wifiDevices();
      const active = new Set(await Promise.all(devices.map((device) => manager.activeProfile(device.path))));
      const isActive = (profile: WifiProfile) => active.has(profile.uuid);
      for (const profile of [...own.filter((each) => !isActive(each)), ...own.filter(isActive)]) await remove(profile);
      await deps.sync();
      return own.length;
    },

    async ensureConnected(traces, kept, signal) {
      const due = kept ? traces.uuid : traces.previousUuid;
      if (due === null) return true;
      if (await connects(traces, kept, AUTOCONNECT_WAIT_MS, signal)) return true;
      if (signal.aborted) return false;
      const device = await deviceOf(traces.interfaceName);
      const profile = (await manager.wifiProfiles()).find((each) => each.uuid === due);
      if (!device || !profile || (await manager.deviceState(device)) !== DEVICE_STATE.disconnected) return false;
      log.warn({ event: 'wifi_profile_activated', kept }, 'NetworkManager did not reconnect by itself; activating the network that is due');
      await manager.activate(profile.path, device);
      return connects(traces, kept, ACTIVATION_WAIT_MS, signal);
    },
  };
}
