import { afterEach, expect, test } from 'vitest';
import { createMonotonicClock, type MonotonicClock } from '../../../agent/system/clock.ts';
import { createEntropy } from '../../../agent/system/entropy.ts';
import { HubError } from '../../../agent/system/errors.ts';
import { unguarded } from '../../../agent/system/guard.ts';
import { createLog } from '../../../agent/system/log.ts';
import { Secret } from '../../../agent/system/secret.ts';
import { createChangeMarkerFile, createForgetNote } from '../../../agent/wifi/change/marker.ts';
import { createDbusMessageBus } from '../../../agent/wifi/networkmanager/dbus-message-bus.ts';
import { createNetworkManagerWifi } from '../../../agent/wifi/networkmanager/network-manager-wifi.ts';
import { createNetworkManager } from '../../../agent/wifi/networkmanager/nm-dbus.ts';
import { createWifiSurvey } from '../../../agent/wifi/survey/survey.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createFakeHub } from '../../twins/network-manager/hub.ts';
import { hasDbusDaemon, type PrivateBus, serveNetworkManager, startPrivateBus } from '../../twins/network-manager/index.ts';

/** So many seconds of the air pass in one of ours. */
const SPEED = 10;
const running: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

function createFastClock(): MonotonicClock {
  return {
    nowMs: () => performance.now() * SPEED,
    schedule(delayMs, run) {
      const timer = setTimeout(run, delayMs / SPEED);
      return () => clearTimeout(timer);
    },
  };
}

async function startBus(): Promise<PrivateBus> {
  const daemon = await startPrivateBus();
  running.push(() => daemon.stop());
  return daemon;
}

async function start() {
  const clock = createFastClock();
  const daemon = await startBus();
  const hub = createFakeHub(clock, {
    air: [
      { ssid: 'home', security: 'wpa-psk', password: 'home password' },
      { ssid: 'büro: 🔑', security: 'wpa-psk', password: 'a "quoted" $password' },
    ],
    known: [{ ssid: Buffer.from('home'), password: 'home password' }],
    checkpointClock: createMonotonicClock(),
  });
  const service = await serveNetworkManager(daemon.address, hub, clock);
  running.push(() => service.stop());
  const logged: string[] = [];
  const log = createLog('trace', { write: (line) => void logged.push(line) });
  const networkManager = createNetworkManager(createDbusMessageBus({ address: daemon.address, guard: unguarded, clock: slow(clock) }));
  const nodeWifi = { scan: async () => [] };
  const wifi = createNetworkManagerWifi({
    networkManager,
    survey: createWifiSurvey({ nodeWifi, networkManager, interfaceName: null, clock, log }),
    proof: {
      async prove() {
        if (!hub.reachesCloud()) throw new HubError('cloud_unreachable', 'refused');
      },
      async waitReachable(signal) {
        while (!hub.reachesCloud() && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
      },
    },
    marker: createChangeMarkerFile(createMemoryFiles(), '/state', log),
    forgetNote: createForgetNote(createMemoryFiles(), '/state'),
    clock,
    entropy: createEntropy(),
    log,
    sync: async () => hub.sync(),
    interfaceName: null,
    // A real time, for a busy machine; the checkpoint lasts longer.
    attemptTimeoutMs: 100_000 * SPEED,
    checkpointSeconds: 120,
  });
  running.push(() => wifi.stop());
  await wifi.start();
  const change = (ssid: string, password: string) =>
    wifi.change({ ssid, credentials: new Secret(password), hidden: false }, new AbortController().signal);
  return { daemon, hub, service, wifi, change, logged };
}

/** The bus's own time-outs are real ones. */
function slow(clock: MonotonicClock): MonotonicClock {
  return { nowMs: clock.nowMs, schedule: (delayMs, run) => clock.schedule(delayMs * SPEED, run) };
}

const withDaemon = test.skipIf(!hasDbusDaemon());

withDaemon('a change over a real message bus: names, passwords and signatures arrive as they are', async () => {
  const { change, hub, service } = await start();
  await expect.poll(() => hub.network()).toBe('home');
  await expect(change('büro: 🔑', 'a "quoted" $password')).resolves.toMatchObject({
    previousSsid: 'home',
    ipv4: '192.168.7.20',
    signalDbm: -60,
  });
  expect(hub.network()).toBe('büro: 🔑');
  expect(hub.profiles().at(-1)?.settings).toMatchObject({ autoconnect: true, autoconnectPriority: 10 });
  expect(service.rejected).toEqual([]);
});

withDaemon('a wrong password over a real message bus: rolled back, the reason found, nothing quoted', async () => {
  const { change, hub, logged } = await start();
  await expect.poll(() => hub.network()).toBe('home');
  const error = await change('büro: 🔑', 'the wrong password').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'wifi_authentication_failed' });
  expect(hub.network()).toBe('home');
  expect(hub.profiles()).toHaveLength(1);
  expect(`${logged.join('\n')}${(error as Error).stack}`).not.toMatch(/wrong password|may quote/);
});

withDaemon('NetworkManager leaves the bus in the middle: seen at once', async () => {
  const { change, hub, service } = await start();
  await expect.poll(() => hub.network()).toBe('home');
  const changed = change('büro: 🔑', 'a "quoted" $password').catch((thrown: unknown) => thrown);
  await expect.poll(() => hub.checkpoint()).not.toBeNull();
  service.stop();
  expect(await changed).toMatchObject({ code: 'wifi_rolled_back' });
});

withDaemon('without NetworkManager on the bus: unavailable, with the remedy', async () => {
  const { daemon } = { daemon: await startBus() };
  const bus = createDbusMessageBus({ address: daemon.address, guard: unguarded, clock: slow(createFastClock()) });
  running.push(() => bus.close());
  await expect(createNetworkManager(bus).wifiDevices()).rejects.toMatchObject({
    code: 'wifi_unavailable',
    problem: 'not_running',
    message: expect.stringContaining('systemctl enable --now NetworkManager'),
  });
});

withDaemon('the bus dies: calls fail, listeners are told; it comes back with the next call', async () => {
  const daemon = await startBus();
  const bus = createDbusMessageBus({ address: daemon.address, guard: unguarded, clock: slow(createFastClock()) });
  running.push(() => bus.close());
  const names = {
    destination: 'org.freedesktop.DBus',
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus',
    member: 'ListNames',
  };
  expect((await bus.call({ ...names, signature: '', body: [] }))[0]).toContain('org.freedesktop.DBus');
  const lost = new Promise<void>((resolve) => void bus.onLost(resolve));
  await daemon.kill();
  await lost;
  await expect(bus.call({ ...names, signature: '', body: [] })).rejects.toMatchObject({ type: 'disconnected' });
});

test('no message bus at all: unavailable, with the remedy', async () => {
  const bus = createDbusMessageBus({ address: 'unix:path=/nonexistent/bus', guard: unguarded, clock: createFastClock() });
  await expect(createNetworkManager(bus).wifiDevices()).rejects.toMatchObject({
    code: 'wifi_unavailable',
    message: expect.stringContaining('dbus'),
  });
});
