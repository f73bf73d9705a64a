import type { Wifi, WifiNotJoined, WifiProblem } from '../../contract/wifi.ts';
import { HubError, isHubError } from '../../system/errors.ts';
import { within } from '../../system/timeout.ts';
import type { ChangeDeps } from '../change/change-deps.ts';
import { resultOfCut } from '../change/cut-change.ts';
import type { ForgetNote } from '../change/marker.ts';
import { type ChangeTraces, createRestorer, type SettleOutcome } from '../change/restore.ts';
import { runWifiChange } from '../change/transaction.ts';
import { lookAtRadio, notJoined } from '../rejoin/known-networks.ts';
import { createRejoin } from '../rejoin/rejoin.ts';
import { checkUsable, findDevice } from './device.ts';
import { isNetworkManagerError } from './network-manager.ts';
import { wifiProblemOf } from './unusable.ts';

/** What the start found of a change that was cut; `unknown`: NetworkManager could not be asked yet, the next change asks again. */
export interface WifiRecovery {
  outcome: SettleOutcome | 'unknown';
}

/** The Wi-Fi side as a part of the agent. */
export interface WifiService extends Wifi {
  /**
   * Puts in order what a cut change left, so that the hub stays on a network that works. In bounded time; never throws. The command that was
   * cut is answered by the command journal; this is only what became of the network.
   */
  start(): Promise<WifiRecovery>;
  /**
   * Ends a change that is under way, and deletes the agent's own profiles; those of others stay. In bounded time; never throws. What could not be
   * done then is done at the next start, or before the next change, as long as the factory reset's note stands.
   */
  forget(): Promise<void>;
  /** Why no network can be changed now, with the remedy; null when one can. Never throws. */
  problem(): Promise<WifiProblem | null>;
  /** A known network in reach that the hub does not join by itself; null: none, or it cannot be known. Never throws. */
  notJoined(): Promise<WifiNotJoined | null>;
  /** The cloud is reached: the network is left as it is. */
  linkUp(): void;
  /** The cloud is not reached: a known network that NetworkManager has given up is joined again. So it is from the start on, until `linkUp`. */
  linkDown(): void;
  /** Ends what is under way (a running change goes back to the old network first) in bounded time. */
  stop(): Promise<void>;
}

/** A start must not wait for a NetworkManager that does not come: what is left to do is done before the next change. */
const RECOVERY_TIMEOUT_MS = 15_000;
/** A change needs a call or two to go back; more would hold up the agent's stop, and the checkpoint goes back by itself. */
const STOP_TIMEOUT_MS = 8000;

/** A deletion is a call; a NetworkManager that hangs must not hold up the agent's stop. */
const FORGET_TIMEOUT_MS = 6000;

/** Wi-Fi through NetworkManager. */
export function createNetworkManagerWifi(deps: Omit<ChangeDeps, 'restorer'> & { forgetNote: ForgetNote }): WifiService {
  const { networkManager, survey, marker, forgetNote, clock, log } = deps;
  const restorer = createRestorer(deps);
  const stopping = new AbortController();
  let recovering: Promise<WifiRecovery> | null = null;
  let changing: Promise<unknown> | null = null;
  /** A change that was cut after its network was saved; the marker stands until the command is answered. */
  let kept: ChangeTraces | null = null;
  /** What the start could not put in order: a profile that is about to be deleted must not be joined. */
  let unsettled = false;
  const rejoin = createRejoin({ networkManager, interfaceName: deps.interfaceName, mayJoin, clock, log });

  async function forgetProfiles(): Promise<void> {
    const count = await restorer.removeOwn();
    await forgetNote.remove();
    log.warn({ event: 'wifi_profiles_forgotten', count }, "The agent's Wi-Fi profiles are forgotten");
  }

  /** What was left to do: the traces of a cut change, then a factory reset's forgetting. */
  async function recover(): Promise<WifiRecovery> {
    const recovery = await recoverChange();
    if (await forgetNote.stands()) await forgetProfiles();
    return recovery;
  }

  /** The marker stands for a change that was cut; without one NetworkManager need not be asked, and its client not be loaded. */
  async function recoverChange(): Promise<WifiRecovery> {
    const cut = await marker.read();
    if (!cut) return { outcome: 'clean' };
    const traces = { ...cut, checkpoint: 'unknown' as const };
    const outcome = await restorer.settle(traces, true, stopping.signal);
    await restorer.removeLeftovers();
    kept = outcome === 'kept' ? traces : null;
    if (!kept) await marker.remove();
    log.warn({ event: 'wifi_change_recovered', outcome }, 'An interrupted Wi-Fi change was cleaned up');
    // NetworkManager reconnects by itself; where it does not, the network from before is activated.
    restorer.ensureConnected(traces, kept !== null, stopping.signal).catch((error) => logProblem('wifi_reconnect_failed', error));
    return { outcome };
  }

  /** One recovery at a time. */
  function recovered(): Promise<WifiRecovery> {
    unsettled = true;
    recovering ??= recover()
      .then((recovery) => {
        unsettled = false;
        return recovery;
      })
      .finally(() => {
        recovering = null;
      });
    return recovering;
  }

  async function mayJoin(): Promise<boolean> {
    if (changing || recovering) return false;
    if (unsettled) await recovered();
    return !changing;
  }

  function logProblem(event: string, error: unknown): void {
    const problem = isNetworkManagerError(error) ? error.problem : isHubError(error) ? error.code : 'storage';
    log.warn({ event, problem }, isHubError(error) ? error.message : 'The Wi-Fi state could not be read');
  }

  /** The change goes back to the old network first. */
  async function endChange(): Promise<void> {
    rejoin.stop();
    stopping.abort(new HubError('aborted', 'The agent is stopping.'));
    if (changing) await inTime(STOP_TIMEOUT_MS, changing);
  }

  /** Waits for what may fail, and not for ever. */
  async function inTime(timeoutMs: number, what: Promise<unknown>): Promise<void> {
    await within(clock, timeoutMs, what, () => {}).catch(() => {});
  }

  return {
    async start() {
      const unknown = (): WifiRecovery => ({ outcome: 'unknown' });
      const attempt = recovered().catch((error) => {
        logProblem('wifi_recovery_failed', error);
        return unknown();
      });
      rejoin.linkDown();
      return within(clock, RECOVERY_TIMEOUT_MS, attempt, unknown);
    },

    async stop() {
      await endChange();
      networkManager.close();
    },

    async forget() {
      await endChange();
      await inTime(
        FORGET_TIMEOUT_MS,
        forgetProfiles().catch((error) => logProblem('wifi_forget_failed', error)),
      );
    },

    async problem() {
      try {
        await checkUsable(networkManager, await findDevice(networkManager, deps.interfaceName));
        return null;
      } catch (error) {
        return wifiProblemOf(error);
      }
    },

    async notJoined() {
      try {
        return notJoined(await lookAtRadio(networkManager, deps.interfaceName));
      } catch {
        return null;
      }
    },

    linkUp: rejoin.linkUp,
    linkDown: rejoin.linkDown,

    current: () => survey.current(),

    async credentialsSet() {
      try {
        return (await networkManager.wifiProfiles()).some((profile) => profile.keyManagement !== null && !profile.unsaved);
      } catch {
        return null;
      }
    },

    async cutChange(signal) {
      if (!kept) await recovered();
      if (!kept) return null;
      const result = await resultOfCut({ networkManager, restorer }, kept, AbortSignal.any([signal, stopping.signal]));
      kept = null;
      await marker.remove();
      return result;
    },

    async change(credentials, signal) {
      if (changing) throw new HubError('busy', 'Another Wi-Fi change is under way.');
      const change = (async () => {
        // Says at once what is missing; recovering would wait for it.
        await findDevice(networkManager, deps.interfaceName);
        await rejoin.settled();
        if (!kept) await recovered();
        kept = null;
        return runWifiChange({ ...deps, restorer }, credentials, AbortSignal.any([signal, stopping.signal]));
      })();
      changing = change;
      try {
        return await change;
      } finally {
        changing = null;
      }
    },
  };
}
