import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { unguarded } from '../../../agent/system/guard.ts';
import { runSync } from '../../../agent/wifi/change/sync.ts';
import type { NetworkManager } from '../../../agent/wifi/networkmanager/network-manager.ts';
import { createNodeWifi } from '../../../agent/wifi/survey/node-wifi-thread.ts';
import { createWifiSurvey } from '../../../agent/wifi/survey/survey.ts';
import { type FakeNmcli, installNmcli, nmcliLine } from './fake-nmcli.ts';

const LIST = Buffer.concat([
  nmcliLine(Buffer.from('home'), { active: true }),
  nmcliLine(Buffer.from('office'), { security: 'WPA2 WPA3', rsn: 'pair_ccmp group_ccmp psk sae' }),
  nmcliLine(Buffer.from('cafe'), { security: '', rsn: '(none)', signal: 40 }),
]);

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {}, child: () => silent };
/** A NetworkManager that knows no access point. */
const emptyAir = new Proxy({} as NetworkManager, { get: (_, name) => async () => (name === 'lastScan' ? Math.random() : []) });
const saved = { ...process.env };

afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
  Object.assign(process.env, saved);
});

function surveyWith(nmcli: FakeNmcli) {
  process.env.PATH = nmcli.path;
  return createWifiSurvey({
    nodeWifi: createNodeWifi('wlan1', unguarded),
    networkManager: emptyAir,
    interfaceName: 'wlan1',
    clock: createMonotonicClock(),
    log: silent,
  });
}

const find = (survey: ReturnType<typeof surveyWith>, ssid: string) => survey.find(ssid, '/device', false, new AbortController().signal);

test('the real node-wifi surveys with nmcli, on the interface that is configured, and leaves the process as it was', async () => {
  await using nmcli = await installNmcli(LIST);
  const survey = surveyWith(nmcli);
  expect(await find(survey, 'office')).toEqual({ ssid: 'office', keyManagement: new Set(['psk', 'sae']), signalDbm: -70 });
  expect(await find(survey, 'cafe')).toEqual({ ssid: 'cafe', keyManagement: new Set(['open']), signalDbm: -80 });
  const calls = (await readFile(nmcli.calls, 'utf8')).trim().split('\n');
  expect(calls).toHaveLength(2);
  for (const call of calls) expect(call).toMatch(/device wifi list ifname wlan1$/);
  expect(process.env.LC_MESSAGES).toBe(saved.LC_MESSAGES);
});

test.each<[string, Buffer]>([
  ['a line feed and a word of nmcli', Buffer.from('x\nyes')],
  ['a whole line', Buffer.from('x\nno:office:AA:BB:CC:DD:EE:FF:')],
  ['an address', Buffer.from('AA:BB:CC:DD:EE:FF')],
  ['NUL and an escape', Buffer.from('\0\x1b[2J')],
  ['no UTF-8', Buffer.alloc(32, 0xff)],
  ['32 colons', Buffer.alloc(32, ':')],
  ['32 line feeds', Buffer.alloc(32, '\n')],
  ['empty', Buffer.alloc(0)],
])('a neighbour whose name is %s neither hides nor forges another network', async (_, name) => {
  await using nmcli = await installNmcli(Buffer.concat([nmcliLine(name, { security: '', rsn: '(none)', signal: 99 }), LIST]));
  const survey = surveyWith(nmcli);
  expect(await find(survey, 'office')).toEqual({ ssid: 'office', keyManagement: new Set(['psk', 'sae']), signalDbm: -70 });
});

test('an output without end, one of other words, a program that fails: node-wifi counts for nothing', async () => {
  await using failing = await installNmcli(LIST, 8);
  expect(await find(surveyWith(failing), 'office')).toBeNull();
  await using garbled = await installNmcli('no:office:AA\\:BB\\:CC\\:DD\\:EE\\:FF\nno:office\n:::\n');
  expect(await find(surveyWith(garbled), 'office')).toBeNull();
  await using endless = await installNmcli('');
  await writeFile(join(endless.folder, 'nmcli'), '#!/bin/sh\nexec yes no:office\n');
  await chmod(join(endless.folder, 'nmcli'), 0o755);
  expect(await find(surveyWith(endless), 'office')).toBeNull();
});

test('sync runs', async () => {
  await expect(runSync()).resolves.toBeUndefined();
});

test('a missing sync is no success', async () => {
  process.env.PATH = '/nonexistent';
  await expect(runSync()).rejects.toMatchObject({ code: 'wifi_rolled_back' });
});
