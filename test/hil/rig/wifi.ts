import { createMonotonicClock, type MonotonicClock } from '../../../agent/system/clock.ts';
import type { FakeAccessPoint } from '../../twins/network-manager/air.ts';
import { createFakeHub, type FakeHub } from '../../twins/network-manager/hub.ts';
import { serveNetworkManager, startPrivateBus } from '../../twins/network-manager/index.ts';
import { until } from './until.ts';

/** A NetworkManager on a message bus of its own, for one agent. */
export interface RigWifi extends AsyncDisposable {
  readonly hub: FakeHub;
  /** Where the message bus keeps its socket. */
  readonly folder: string;
  /** For the agent's process. */
  readonly env: Record<string, string>;
  /** Waits until the hub is on this network and can use it. */
  untilNetwork(ssid: string): Promise<true>;
}

/** `speed`: how many of the air's seconds pass in one of ours. `home`: the name on the air of the network that the hub is on, called home here. */
export async function startRigWifi(options: { air: FakeAccessPoint[]; speed: number; home?: Buffer }): Promise<RigWifi> {
  const timers = new Set<NodeJS.Timeout>();
  const clock: MonotonicClock = {
    nowMs: () => performance.now() * options.speed,
    schedule(delayMs, run) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        run();
      }, delayMs / options.speed);
      timers.add(timer);
      return () => {
        timers.delete(timer);
        clearTimeout(timer);
      };
    },
  };
  await using opened = new AsyncDisposableStack();
  const daemon = await startPrivateBus();
  opened.defer(() => daemon.stop());
  const home = options.home ?? Buffer.from('home');
  const known = [{ id: 'factory home', ssid: home, password: 'the password of home' }];
  const hub = createFakeHub(clock, {
    air: [{ ssid: 'home', bytes: home, security: 'wpa-psk', password: 'the password of home' }, ...options.air],
    known,
    // The agent's seconds are real ones: so are those that it is given for its change.
    checkpointClock: createMonotonicClock(),
  });
  const service = await serveNetworkManager(daemon.address, hub, clock);
  const subscribe = (listener: () => void) => {
    hub.listeners.add(listener);
    return () => hub.listeners.delete(listener);
  };
  const closing = opened.move();
  return {
    hub,
    folder: daemon.folder,
    env: { DBUS_SYSTEM_BUS_ADDRESS: daemon.address },
    untilNetwork: (ssid) => until(subscribe, `the network ${ssid}`, () => hub.network() === ssid),
    async [Symbol.asyncDispose]() {
      service.stop();
      for (const timer of timers) clearTimeout(timer);
      await closing.disposeAsync();
    },
  };
}

/** The rig's configuration for it. */
export const WITH_WIFI = { wifi: { backend: 'networkmanager' } };
