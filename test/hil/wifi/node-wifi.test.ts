import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { runSync } from '../../../agent/wifi/change/sync.ts';
import type { NetworkManager } from '../../../agent/wifi/networkmanager/network-manager.ts';
import { createWifiSurvey, loadNodeWifi } from '../../../agent/wifi/survey/survey.ts';

/** nmcli's terse lines: colons and backslashes of values are escaped. */
const LIST = `yes:home:AA\\:BB\\:CC\\:DD\\:EE\\:01:Infra:6:2437 MHz:84:WPA2:(none):pair_ccmp group_ccmp psk:wlan1
no:office:AA\\:BB\\:CC\\:DD\\:EE\\:02:Infra:11:2462 MHz:60:WPA2 WPA3:(none):pair_ccmp group_ccmp psk sae:wlan1
no:cafe:AA\\:BB\\:CC\\:DD\\:EE\\:03:Infra:1:2412 MHz:40::(none):(none):wlan1
`;

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {}, child: () => silent };
const noManager = new Proxy({} as NetworkManager, { get: () => () => Promise.reject(new Error('not needed')) });
const saved = { ...process.env };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-nmcli-'));
  process.env.PATH = folder + delimiter + saved.PATH;
});

afterEach(async () => {
  for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
  Object.assign(process.env, saved);
  await rm(folder, { recursive: true, force: true });
});

async function installNmcli(exitCode = 0) {
  await writeFile(join(folder, 'list'), LIST);
  await writeFile(join(folder, 'nmcli'), `#!/bin/sh\necho "$@" >> '${folder}/calls'\ncat '${folder}/list'\nexit ${exitCode}\n`);
  await chmod(join(folder, 'nmcli'), 0o755);
}

const surveyOf = () =>
  createWifiSurvey({
    nodeWifi: () => loadNodeWifi('wlan1'),
    networkManager: noManager,
    interfaceName: 'wlan1',
    clock: createMonotonicClock(),
    log: silent,
  });

test('the real node-wifi surveys with nmcli, on the interface that is configured', async () => {
  await installNmcli();
  const survey = surveyOf();
  const find = (ssid: string) => survey.find(ssid, '/device', false, new AbortController().signal);
  expect(await find('office')).toEqual({ ssid: 'office', keyManagement: new Set(['psk', 'sae']), signalDbm: -70 });
  expect(await find('cafe')).toEqual({ ssid: 'cafe', keyManagement: new Set(['open']), signalDbm: -80 });
  expect(await survey.current()).toEqual({ ssid: 'home', signalDbm: -58 });
  const calls = await readFile(join(folder, 'calls'), 'utf8');
  expect(calls.trim().split('\n')).toHaveLength(3);
  for (const call of calls.trim().split('\n')) expect(call).toMatch(/device wifi list ifname wlan1$/);
});

test('without NetworkManager there is no connection, and no error', async () => {
  await installNmcli(8);
  expect(await surveyOf().current()).toBeNull();
});

test('sync runs', async () => {
  await expect(runSync()).resolves.toBeUndefined();
});

test('a missing sync is no success', async () => {
  process.env.PATH = folder;
  await expect(runSync()).rejects.toMatchObject({ code: 'wifi_rolled_back' });
});
