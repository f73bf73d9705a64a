import type { NodeWifiNetwork } from 'node-wifi';
import { expect, test } from 'vitest';
import { createWifiSurvey, type NodeWifiPort } from '../../../../agent/wifi/survey/survey.ts';
import type { FakeAccessPoint } from '../fake-air.ts';
import { createFakeHub } from '../fake-hub.ts';
import { createAgentLife } from '../fake-network-manager.ts';
import { createManualClock } from '../manual-clock.ts';

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {}, child: () => silent };

const row = (ssid: string, security: string, rsn: string, signal = -55): NodeWifiNetwork => ({
  ssid,
  security,
  security_flags: { wpa: '(none)', rsn },
  signal_level: signal,
});

function surveyOf(air: FakeAccessPoint[], nodeWifi: Partial<NodeWifiPort>) {
  const clock = createManualClock();
  const hub = createFakeHub(clock, { air });
  const { manager, steps } = createAgentLife(hub, clock);
  const port: NodeWifiPort = { scan: async () => [], getCurrentConnections: async () => [], ...nodeWifi };
  const survey = createWifiSurvey({ nodeWifi: async () => port, networkManager: manager, interfaceName: null, clock, log: silent });
  const find = (ssid: string, probe = false) =>
    clock.until(survey.find(ssid, hub.device.path, probe, new AbortController().signal), 60_000);
  return { clock, hub, survey, steps, find };
}

test.each([
  ['WPA2', 'pair_ccmp group_ccmp psk', ['psk']],
  ['WPA3', 'pair_ccmp group_ccmp sae', ['sae']],
  ['WPA2 WPA3', 'pair_ccmp group_ccmp psk sae', ['psk', 'sae']],
  ['WPA2 802.1X', 'pair_ccmp group_ccmp 802.1X', ['other']],
  ['WEP', '(none)', ['other']],
  ['OWE', 'pair_ccmp group_ccmp owe', ['other']],
  ['', '(none)', ['open']],
  ['--', '(none)', ['open']],
  ['', 'owe_tm', ['open']],
])('reads %j %j of node-wifi', async (security, rsn, offers) => {
  const { find, steps } = surveyOf([], { scan: async () => [row('other', '', '(none)'), row('office', security, rsn)] });
  expect(await find('office')).toEqual({ ssid: 'office', keyManagement: new Set(offers), signalDbm: -55 });
  expect(steps).toEqual([]);
});

test('two access points of one name count together', async () => {
  const { find } = surveyOf([], { scan: async () => [row('office', '', '(none)', -70), row('office', 'WPA2', 'psk', -50)] });
  expect(await find('office')).toEqual({ ssid: 'office', keyManagement: new Set(['open', 'psk']), signalDbm: -50 });
});

test.each(['bü ro', '🔑', 'a:b', 'back\\slash', ' padded'])('asks NetworkManager for %j, which nmcli would garble', async (ssid) => {
  let asked = false;
  const scan = async () => {
    asked = true;
    return [];
  };
  const { find } = surveyOf([{ ssid, security: 'mixed', strengthPercent: 90 }], { scan });
  expect(await find(ssid)).toEqual({ ssid, keyManagement: new Set(['psk', 'sae']), signalDbm: -55 });
  expect(asked).toBe(false);
});

test('scans again when the network is not in the list', async () => {
  const { find, clock, hub, steps } = surveyOf([{ ssid: 'office', security: 'wpa-psk', on: false }], {});
  clock.schedule(4000, () => hub.switchAccessPoint('office', true));
  expect(await find('office')).toMatchObject({ keyManagement: new Set(['psk']) });
  expect(steps).toContain('RequestScan');
});

test('gives up after two scans', async () => {
  const { find, steps, clock } = surveyOf([], {});
  expect(await find('office')).toBeNull();
  expect(steps.filter((step) => step === 'RequestScan')).toHaveLength(2);
  expect(clock.nowMs()).toBeLessThan(30_000);
});

test('node-wifi that fails or hangs does not matter', async () => {
  const air: FakeAccessPoint[] = [{ ssid: 'office', security: 'wpa-psk' }];
  const failing = surveyOf(air, { scan: () => Promise.reject(new Error('nmcli: no such file')) });
  expect(await failing.find('office')).toMatchObject({ ssid: 'office' });
  const hanging = surveyOf(air, { scan: () => new Promise(() => {}) });
  expect(await hanging.find('office')).toMatchObject({ ssid: 'office' });
});

test('an aborted survey ends', async () => {
  const { survey, clock, hub } = surveyOf([], {});
  const abort = new AbortController();
  const found = survey.find('office', hub.device.path, false, abort.signal).catch((error: unknown) => error);
  await clock.advance(2000);
  abort.abort();
  expect(await clock.until(found, 1000)).toMatchObject({ code: 'aborted' });
});

test('the current connection, remembered for a while, forgotten on a change', async () => {
  let asked = 0;
  const rows = [row('home', 'WPA2', 'psk', -48.5)];
  const getCurrentConnections = async () => {
    asked++;
    return rows;
  };
  const { survey, clock } = surveyOf([], { getCurrentConnections });
  const current = () => clock.until(survey.current(), 20_000);
  expect(await current()).toEqual({ ssid: 'home', signalDbm: -48 });
  await current();
  expect(asked).toBe(1);
  survey.changed();
  await current();
  await clock.advance(16_000);
  await current();
  expect(asked).toBe(3);
});

test('no connection, no nmcli, a hanging nmcli: null', async () => {
  for (const getCurrentConnections of [async () => [], () => Promise.reject(new Error('no nmcli')), () => new Promise<never>(() => {})]) {
    const { survey, clock } = surveyOf([], { getCurrentConnections });
    expect(await clock.until(survey.current(), 20_000)).toBeNull();
  }
});

test('a name that nmcli garbles is asked of NetworkManager', async () => {
  const clock = createManualClock();
  const hub = createFakeHub(clock, { air: [{ ssid: 'bü:ro', security: 'open' }], known: [{ ssid: Buffer.from('bü:ro') }] });
  await clock.advance(5000);
  const { manager } = createAgentLife(hub, clock);
  const nodeWifi: NodeWifiPort = { scan: async () => [], getCurrentConnections: async () => [row('b?:ro', '', '(none)')] };
  const survey = createWifiSurvey({ nodeWifi: async () => nodeWifi, networkManager: manager, interfaceName: null, clock, log: silent });
  expect(await clock.until(survey.current(), 20_000)).toEqual({ ssid: 'bü:ro', signalDbm: -55 });
});
