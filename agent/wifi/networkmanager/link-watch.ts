import type { Cancel, MonotonicClock } from '../../system/clock.ts';
import { ACTIVE_STATE, DEVICE_STATE, type LinkEvent, type ObjectPath } from './network-manager.ts';

/** What became of the activation that is followed. */
export interface LinkOutcomes {
  up(): void;
  /** NMDeviceStateReason, or null when none was reported. `joined`: the access point had let the hub in, its address was being asked for. */
  failed(reason: number | null, joined: boolean): void;
}

/**
 * The reason of a failure and the end of its connection are two signals, in either order, milliseconds apart. A NetworkManager that stops
 * first lets go of the device, as if the radio were gone, and leaves the bus up to a second later (measured): that reason is more precise.
 */
const SETTLE_MS = 2000;

/**
 * Turns NetworkManager's signals into the fate of one activation. The signals of a new connection may come before the reply that names it,
 * so states are kept from the first moment and read when the name is known.
 */
export interface LinkWatch {
  handle(event: LinkEvent): void;
  /** From here on failures count: signals of before belong to the old connection. */
  activating(): void;
  /** The connection to follow, and the state it was seen in (null: it does not exist any more). */
  follow(active: ObjectPath, state: number | null): void;
  stop(): void;
}

export function createLinkWatch(clock: MonotonicClock, outcomes: LinkOutcomes): LinkWatch {
  const states = new Map<ObjectPath, number>();
  let counting = false;
  let followed: ObjectPath | null = null;
  let reason: number | null = null;
  let isUp = false;
  let joined = false;
  let settling: Cancel | null = null;
  let ended = false;

  function fail(): void {
    settling ??= clock.schedule(SETTLE_MS, () => {
      if (ended) return;
      ended = true;
      outcomes.failed(reason, joined);
    });
  }

  function evaluate(state: number | undefined): void {
    if (ended || state === undefined) return;
    if (state === ACTIVE_STATE.activated && !isUp && !settling) {
      isUp = true;
      outcomes.up();
    }
    if (state === ACTIVE_STATE.deactivated) fail();
  }

  return {
    handle(event) {
      if (event.type === 'active_state') {
        states.set(event.active, event.state);
        if (event.active === followed) evaluate(event.state);
      } else if (event.type === 'device_state' && counting) {
        // After the failure the old network comes back by itself, through the same states.
        if (reason === null && !settling) joined ||= event.state >= DEVICE_STATE.ipConfig && event.state <= DEVICE_STATE.activated;
        // Deactivating (110) and disconnected (30) are also passed through on the way from the old network to the new one.
        if (event.state !== DEVICE_STATE.failed && event.state > DEVICE_STATE.unavailable) return;
        reason = event.reason;
        if (followed) fail();
      }
    },

    activating() {
      counting = true;
    },

    follow(active, state) {
      followed = active;
      if (reason !== null || state === null) fail();
      evaluate(states.get(active) ?? state ?? undefined);
    },

    stop() {
      ended = true;
      settling?.();
    },
  };
}
