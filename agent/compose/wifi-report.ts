import type { Reported } from '../contract/shadow.ts';
import type { Wifi } from '../contract/wifi.ts';
import type { Cancel, MonotonicClock } from '../system/clock.ts';
import { messageOf } from '../system/errors.ts';
import type { Log } from '../system/log.ts';

/**
 * While a session stands, the Wi-Fi is looked at for the reported state: after its beginning, which the loading of the message bus's client
 * must not hold up, and then so often. The throttle of reports comes on top.
 */
const FIRST_MS = 3_000;
const EVERY_MS = 5 * 60_000;

/** Keeps the `wifi` part of the reported state, and tells the Wi-Fi whether the cloud is reached. */
export interface WifiFollower {
  /** A session stands, maybe over another network than the one before. */
  linkUp(): void;
  /** The session is over, or the agent stops. */
  linkDown(): void;
}

export function createWifiFollower(deps: {
  wifi: Pick<Wifi, 'current'> & { linkUp(): void; linkDown(): void };
  report(wifi: Reported['wifi']): void;
  clock: MonotonicClock;
  log: Log;
}): WifiFollower {
  const { wifi, report, clock, log } = deps;
  let cancel: Cancel = () => {};

  async function look(): Promise<void> {
    const { ssid, signalDbm } = (await wifi.current()) ?? {};
    report(ssid === undefined ? undefined : { ssid, ...(typeof signalDbm === 'number' && { signalDbm }) });
  }

  function follow(): void {
    look().catch((error: unknown) => log.warn({ event: 'wifi_report_failed', reason: messageOf(error) }, 'Wi-Fi'));
    cancel = clock.schedule(EVERY_MS, follow);
  }

  return {
    linkUp() {
      wifi.linkUp();
      cancel();
      cancel = clock.schedule(FIRST_MS, follow);
    },
    linkDown() {
      wifi.linkDown();
      cancel();
    },
  };
}
