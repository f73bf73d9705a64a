import type { Cancel, MonotonicClock } from '../../system/clock.ts';
import type { Log } from '../../system/log.ts';
import { isNetworkManagerError, type NetworkManager } from '../networkmanager/network-manager.ts';
import { ssidText } from '../survey/ssid.ts';
import { findIdleRadio } from './known-networks.ts';
import { NOTHING_SEEN, nextRejoin } from './rejoin-machine.ts';

/** A look is a few calls to NetworkManager. */
const LOOK_MS = 30_000;

/** Joins a known network again where NetworkManager has given up, as long as the cloud cannot be reached. */
export interface Rejoin {
  /** The cloud is reached: whatever carries it, the network is not touched. */
  linkUp(): void;
  /** It is not reached, or not yet. */
  linkDown(): void;
  stop(): void;
}

export function createRejoin(deps: {
  networkManager: NetworkManager;
  interfaceName: string | null;
  /** A change or its recovery decides about the network now. */
  isBusy(): boolean;
  clock: MonotonicClock;
  log: Log;
}): Rejoin {
  const { networkManager, clock, log } = deps;
  let cancel: Cancel | null = null;
  let state = NOTHING_SEEN;

  async function look(): Promise<void> {
    const own = cancel;
    const idle = await findIdleRadio(networkManager, deps.interfaceName);
    // The answer may be late: a change may have begun, or the cloud be reached.
    if (own !== cancel || deps.isBusy()) return;
    const candidates = idle && !idle.byHand ? idle.profiles : [];
    const next = nextRejoin(state, candidates.length, clock.nowMs());
    state = next.state;
    if (!idle || next.join === null) return;
    const { profile, inReach } = candidates[next.join]!;
    const device = idle.device.interfaceName;
    log.warn(
      { event: 'wifi_rejoin', device, ssid: ssidText(profile.ssid), inReach, attempt: state.attempts },
      'The hub is on no network, and NetworkManager does not join this one by itself any more: joining it',
    );
    await networkManager.activate(profile.path, idle.device.path);
  }

  function later(): void {
    cancel = clock.schedule(LOOK_MS, () => {
      const attempt = deps.isBusy() ? Promise.resolve() : look();
      const own = cancel;
      attempt.catch(logProblem).then(() => own === cancel && later());
    });
  }

  function logProblem(error: unknown): void {
    // A hub without NetworkManager is looked at as well: no news.
    log.debug({ event: 'wifi_rejoin_failed', problem: isNetworkManagerError(error) ? error.problem : 'unusable' }, 'The Wi-Fi');
  }

  function stop(): void {
    cancel?.();
    cancel = null;
    state = NOTHING_SEEN;
  }

  return {
    linkUp: stop,
    linkDown: () => void (cancel ?? later()),
    stop,
  };
}
