import type { WifiChangeResult, WifiCredentials } from '../../contract/wifi.ts';
import { PROFILE_ID_PREFIX } from '../../state/machine-layout.ts';
import { linkFailure } from '../networkmanager/link-failure.ts';
import { createLinkWatch } from '../networkmanager/link-watch.ts';
import {
  type IpConfiguration,
  isNetworkManagerError,
  NetworkManagerError,
  type ObjectPath,
  type ProfileSettings,
} from '../networkmanager/network-manager.ts';
import { dbmOfPercent } from '../survey/seen-networks.ts';
import { ssidText } from '../survey/ssid.ts';
import type { ChangeEffect, ChangeEvent, ChangeState } from './change.ts';
import type { ChangeDeps } from './change-deps.ts';
import { type Preflight, preflight } from './preflight.ts';
import { proveCloud, waitForCloud } from './proof.ts';
import type { ChangeTraces } from './restore.ts';

const NO_IP: IpConfiguration = { address: null, gateway: null };

/** The effects of the machine, and what they remember of one change. */
export interface ChangeSteps {
  /** Does what a state is for; null: its event comes from elsewhere. `signal` aborts when the state is left. */
  run(effect: ChangeEffect, state: ChangeState, signal: AbortSignal): Promise<ChangeEvent | null>;
  /** Lets go of everything, and of the marker when nothing is left to put in order. Never throws: nothing may fail a committed change. */
  end(succeeded: boolean): Promise<void>;
  result(durationMs: number): WifiChangeResult;
}

/** The steps for one change. `hooks.dispatch` takes what comes by itself. */
export function createChangeSteps(
  deps: ChangeDeps,
  wanted: WifiCredentials,
  hooks: { dispatch: (event: ChangeEvent) => void; armDeadline: () => void },
): ChangeSteps {
  const { networkManager: manager, restorer, clock, log } = deps;
  const uuid = deps.entropy.uuid();
  const ssid = Buffer.from(wanted.ssid);
  let found: Preflight;
  let traces: ChangeTraces | null = null;
  let profile: ObjectPath;
  let active: ObjectPath;
  let ipv4: IpConfiguration = NO_IP;
  let ipv6: IpConfiguration = NO_IP;
  let signalDbm: number | null = null;
  let orderly = true;
  let unwatch: (() => void) | null = null;

  const watch = createLinkWatch(clock, {
    up: () => hooks.dispatch({ type: 'link_up' }),
    failed: (reason, joined) => hooks.dispatch({ type: 'link_failed', error: linkFailure(reason, found.plan, joined) }),
  });

  function settings(overrides: Partial<ProfileSettings> = {}): ProfileSettings {
    return {
      id: `${PROFILE_ID_PREFIX}${ssidText(ssid)}`,
      uuid,
      interfaceName: found.device.interfaceName,
      ssid,
      hidden: wanted.hidden,
      security: found.plan.security,
      secret: wanted.credentials,
      autoconnect: false,
      autoconnectPriority: found.autoconnectPriority,
      ...overrides,
    };
  }

  function tracesNow(): ChangeTraces {
    if (!traces) throw new Error('the change left no traces yet');
    return traces;
  }

  /** Makes the proof's packets take the way over Wi-Fi while Ethernet is the uplink; the addresses to bind to. */
  async function routeProof(): Promise<string[]> {
    if (!found.otherUplink) return [];
    const sourceRoutes = [ipv4, ipv6].flatMap(({ address, gateway }) => (address && gateway ? [{ address, gateway }] : []));
    if (sourceRoutes.length > 0) {
      try {
        await manager.holdProfile(profile, settings({ sourceRoutes }));
        await manager.reapply(found.device.path);
      } catch (error) {
        if (!isNetworkManagerError(error) || error.problem === 'not_running') throw error;
        log.warn({ event: 'wifi_source_route_refused' }, 'The proof has no route of its own; it is bound to the Wi-Fi address alone');
      }
    }
    return [ipv4.address, ipv6.address].filter((address) => address !== null);
  }

  async function readAddresses(): Promise<void> {
    ipv4 = await manager.ipv4(found.device.path);
    ipv6 = await manager.ipv6(found.device.path);
  }

  async function readLink(): Promise<void> {
    await readAddresses();
    const points = await manager.accessPoints(found.device.path);
    const strengths = points.filter((point) => point.ssid.equals(ssid)).map((point) => point.strengthPercent);
    signalDbm = strengths.length > 0 ? dbmOfPercent(Math.max(...strengths)) : null;
  }

  /** With Ethernet the cloud answers at once, in any state of the Wi-Fi. */
  async function isConnected(kept: boolean, signal: AbortSignal): Promise<boolean> {
    try {
      const connected = await restorer.ensureConnected(tracesNow(), kept, signal);
      if (connected && kept) await readLink();
      return connected;
    } catch (error) {
      if (!isNetworkManagerError(error)) throw error;
      log.warn({ event: 'wifi_reconnect_unknown', problem: error.problem }, error.message);
      return false;
    }
  }

  /** After the commit: takes the proof's route back, and deletes what the new network supersedes. */
  async function tidy(): Promise<void> {
    if (found.otherUplink) await manager.reapply(found.device.path);
    const profiles = await manager.wifiProfiles();
    for (const old of found.superseded) {
      const path = profiles.find((each) => each.uuid === old.uuid)?.path;
      if (path) await manager.deleteProfile(path);
    }
  }

  const effects: Record<ChangeEffect, (state: ChangeState, signal: AbortSignal) => Promise<ChangeEvent | null>> = {
    async survey(_state, signal) {
      await restorer.removeLeftovers();
      found = await preflight(deps, wanted, signal);
      return { type: 'surveyed' };
    },

    async create_checkpoint(_state, signal) {
      const marker = { uuid, interfaceName: found.device.interfaceName, previousUuid: found.previous?.uuid ?? null };
      traces = { ...marker, checkpoint: 'none' };
      hooks.armDeadline();
      await deps.marker.write(marker);
      unwatch = await manager.watch(found.device.path, (event) => {
        if (event.type === 'manager_gone') {
          hooks.dispatch({ type: 'manager_lost', error: new NetworkManagerError('not_running', 'NetworkManager left the bus.') });
        } else {
          watch.handle(event);
        }
      });
      if (signal.aborted) return null;
      orderly = false;
      traces.checkpoint = 'unknown';
      try {
        traces.checkpoint = await manager.createCheckpoint(found.device.path, deps.checkpointSeconds);
      } catch (error) {
        if (!isNetworkManagerError(error, 'no_reply', 'not_running')) traces.checkpoint = 'none';
        throw error;
      }
      return { type: 'checkpointed' };
    },

    async add_profile() {
      profile = await manager.addProfile(settings());
      return { type: 'profile_added' };
    },

    async activate() {
      watch.activating();
      active = await manager.activate(profile, found.device.path);
      return { type: 'activation_started' };
    },

    async await_link() {
      watch.follow(active, await manager.activeState(active));
      return null;
    },

    async prove(_state, signal) {
      await readLink();
      await proveCloud(deps.proof, clock, signal, await routeProof());
      // The link is up with the first IP version that works; the other may have come since.
      await readAddresses();
      return { type: 'proved' };
    },

    async save() {
      await manager.saveProfile(profile, settings({ autoconnect: true }));
      await deps.sync();
      return { type: 'saved' };
    },

    async commit() {
      await manager.destroyCheckpoint(tracesNow().checkpoint);
      orderly = true;
      return { type: 'committed' };
    },

    async abandon() {
      await restorer.abandon(tracesNow());
      orderly = true;
      return { type: 'restored' };
    },

    async roll_back() {
      await restorer.rollBack(tracesNow());
      orderly = true;
      return { type: 'restored' };
    },

    async settle(state, signal) {
      const outcome = await restorer.settle(tracesNow(), state.name === 'settling' && state.proven, signal);
      orderly = true;
      return { type: 'settled', kept: outcome === 'kept' };
    },

    async await_cloud(state, signal) {
      const kept = state.name === 'returning' && state.error === null;
      const connected = await isConnected(kept, signal);
      if (!(await waitForCloud(deps.proof, clock, signal))) {
        log.warn({ event: 'wifi_cloud_not_back' }, 'The cloud is not reachable yet after the Wi-Fi change');
      }
      return { type: 'returned', connected };
    },

    async finish() {
      return null;
    },
  };

  return {
    run: (effect, state, signal) => effects[effect](state, signal),

    async end(succeeded) {
      watch.stop();
      unwatch?.();
      deps.survey.changed();
      try {
        if (traces && orderly) await deps.marker.remove();
        if (succeeded) await tidy();
      } catch (error) {
        const problem = isNetworkManagerError(error) ? error.problem : 'storage';
        log.warn({ event: 'wifi_tidy_failed', problem }, 'Traces of the Wi-Fi change remain; the next change removes them');
      }
    },

    result: (durationMs) => ({
      ssid: wanted.ssid,
      previousSsid: found.previous && ssidText(found.previous.ssid),
      ipv4: ipv4.address,
      ipv6: ipv6.address,
      security: found.plan.security,
      signalDbm,
      durationMs,
    }),
  };
}
