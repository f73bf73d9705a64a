import type { Cancel, MonotonicClock } from '../../system/clock.ts';
import { messageOf } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import { isNetworkManagerError, type NetworkManager } from '../networkmanager/network-manager.ts';
import { ssidText } from '../survey/ssid.ts';
import { lookAtRadio } from './known-networks.ts';
import { NOTHING_SEEN, nextRejoin } from './rejoin-machine.ts';

/** A look is a few calls to NetworkManager. */
const LOOK_MS = 30_000;

/** Joins a known network again where NetworkManager has given up, as long as the cloud is not reached. */
export interface Rejoin {
  /** The cloud is reached: whatever carries it, the network is not touched. */
  linkUp(): void;
  /** It is not reached, or not yet. */
  linkDown(): void;
  /** Resolves when NetworkManager has taken what it was told to join: a change would be disturbed by it. Never throws, bounded by the call's time. */
  settled(): Promise<void>;
  /** For good. */
  stop(): void;
}

/** Does nothing before `linkDown`. */
export function createRejoin(deps: {
  networkManager: NetworkManager;
  interfaceName: string | null;
  /** False: something else decides about the network now. @throws when it cannot be known */
  mayJoin(): boolean | Promise<boolean>;
  clock: MonotonicClock;
  log: Log;
}): Rejoin {
  const { networkManager, clock, log } = deps;
  let cancel: Cancel | null = null;
  let state = NOTHING_SEEN;
  let joining: Promise<void> = Promise.resolve();
  let stopped = false;

  async function look(): Promise<void> {
    const own = cancel;
    if (!(await deps.mayJoin())) return;
    const found = await lookAtRadio(networkManager, deps.interfaceName);
    // The answer may be late: a change may have begun, or the cloud be reached.
    if (own !== cancel || !(await deps.mayJoin()) || own !== cancel) return;
    const candidates = found.state === 'idle' && !found.radio.byHand ? found.radio.profiles : [];
    const next = nextRejoin(state, found.state === 'joined' ? 'joined' : candidates.length, clock.nowMs());
    state = next.state;
    if (found.state !== 'idle' || next.join === null) return;
    const { profile, inReach } = candidates[next.join]!;
    const { path, interfaceName: device } = found.radio.device;
    log.warn(
      { event: 'wifi_rejoin', device, ssid: ssidText(profile.ssid), inReach, attempt: state.attempts },
      'the hub is on no network, and NetworkManager does not join this one by itself any more: the agent has it joined',
    );
    joining = networkManager.activate(profile.path, path).then(() => {}, refused);
    await joining;
  }

  function refused(error: unknown): void {
    const problem = isNetworkManagerError(error) ? error.problem : 'unknown';
    log.warn({ event: 'wifi_rejoin_failed', problem }, messageOf(error));
  }

  function later(): void {
    cancel = clock.schedule(LOOK_MS, () => {
      const own = cancel;
      look()
        // A hub without NetworkManager, or without a radio, is looked at as well: that is no news, and doctor tells it.
        .catch((error: unknown) => log.debug({ event: 'wifi_look_failed', reason: messageOf(error) }, 'the Wi-Fi cannot be looked at'))
        .then(() => own === cancel && later());
    });
  }

  function end(): void {
    cancel?.();
    cancel = null;
    state = NOTHING_SEEN;
  }

  return {
    linkUp: end,
    linkDown() {
      if (!stopped && cancel === null) later();
    },
    settled: () => joining,
    stop() {
      stopped = true;
      end();
    },
  };
}
