import { expect, test } from 'vitest';
import { createEntropy } from '../../../agent/system/entropy.ts';
import { unguarded } from '../../../agent/system/guard.ts';
import { createUnavailableWifi, createWifi, type WifiConfig } from '../../../agent/wifi/wifi.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {}, child: () => silent };
const anything = { ssid: 'office', credentials: null, hidden: false };

function wifiOf(config: Partial<WifiConfig>, files = createMemoryFiles()) {
  const clock = createSteppedClock();
  const wifi = createWifi({
    config: { backend: 'auto', interface: null, attemptTimeoutSeconds: 100, checkpointSeconds: 120, ...config },
    stateDirectory: '/state',
    proof: { prove: async () => {}, waitReachable: async () => {} },
    files,
    clock,
    entropy: createEntropy(),
    guard: unguarded,
    log: silent,
    busAddress: 'unix:path=/nonexistent/bus',
  });
  return { clock, wifi, files };
}

test('switched off: says so, and how to switch it on', async () => {
  const { wifi } = wifiOf({ backend: 'none' });
  expect(await wifi.start()).toEqual({ outcome: 'clean' });
  await expect(wifi.change(anything, new AbortController().signal)).rejects.toMatchObject({
    code: 'wifi_unavailable',
    message: expect.stringContaining('wifi.backend'),
  });
  expect(await wifi.current()).toBeNull();
  expect(await wifi.credentialsSet()).toBeNull();
  await wifi.stop();
});

test('without a system bus: starts, answers with the remedy, knows nothing, stops', async () => {
  const { wifi, clock } = wifiOf({});
  expect(await clock.settle(wifi.start(), 1000)).toEqual({ outcome: 'clean' });
  await expect(wifi.change(anything, new AbortController().signal)).rejects.toMatchObject({
    code: 'wifi_unavailable',
    message: expect.stringMatching(/dbus and NetworkManager/),
  });
  expect(await wifi.credentialsSet()).toBeNull();
  await wifi.stop();
  expect(clock.timers).toBe(0);
});

test('a cut change and no NetworkManager: the start does not wait for ever, and the marker stays for the next one', async () => {
  const files = createMemoryFiles();
  await files.writeAtomic('/state/wifi-change.json', JSON.stringify({ uuid: 'u', interfaceName: 'wlan0', previousUuid: null }));
  const { wifi, clock } = wifiOf({}, files);
  const started = wifi.start();
  expect(await clock.settle(started, 20_000)).toEqual({ outcome: 'unknown' });
  expect(files.content.size).toBe(1);
  await wifi.stop();
  await clock.advance(0);
  expect(clock.timers).toBe(0);
});

test.each(['', '{"uuid":', '[]', '{"uuid":1}'])('a torn marker %j is no marker', async (text) => {
  const files = createMemoryFiles();
  await files.writeAtomic('/state/wifi-change.json', text);
  const { wifi, clock } = wifiOf({}, files);
  expect(await clock.settle(wifi.start(), 1000)).toEqual({ outcome: 'clean' });
});

test('an unavailable Wi-Fi says why', async () => {
  const wifi = createUnavailableWifi('no_device', 'There is no radio. Plug one in.');
  await expect(wifi.change(anything, new AbortController().signal)).rejects.toThrow('There is no radio. Plug one in.');
});
