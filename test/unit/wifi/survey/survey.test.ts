import type { NodeWifiNetwork } from 'node-wifi';
import { expect, test } from 'vitest';
import type { NodeWifiPort } from '../../../../agent/wifi/survey/node-wifi-thread.ts';
import { createWifiSurvey } from '../../../../agent/wifi/survey/survey.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import type { FakeAccessPoint } from '../../../twins/network-manager/air.ts';
import { createFakeHub } from '../../../twins/network-manager/hub.ts';
import { createAgentLife } from '../fake-network-manager.ts';

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {}, child: () => silent };

const row = (ssid: string, security: string, rsn: string, signal = -55): NodeWifiNetwork => ({
  ssid,
  bssid: 'AA:BB:CC:DD:EE:01',
  mode: 'Infra',
  security,
  security_flags: { wpa: '(none)', rsn },
  signal_level: signal,
});

function surveyOf(air: FakeAccessPoint[], nodeWifi: Partial<NodeWifiPort>, known: { ssid: Buffer; hidden?: boolean }[] = []) {
  const clock = createSteppedClock();
  const hub = createFakeHub(clock, { air, known });
  const { manager, steps } = createAgentLife(hub, clock);
  const survey = createWifiSurvey({
    nodeWifi: { scan: async () => [], ...nodeWifi },
    networkManager: manager,
    interfaceName: null,
    clock,
    log: silent,
  });
  const find = (ssid: string, probe = false) =>
    clock.settle(survey.find(ssid, hub.device.path, probe, new AbortController().signal), 60_000);
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
  expect(steps).not.toContain('RequestScan');
});

test('two access points of one name count together', async () => {
  const { find } = surveyOf([], { scan: async () => [row('office', '', '(none)', -70), row('office', 'WPA2', 'psk', -50)] });
  expect(await find('office')).toEqual({ ssid: 'office', keyManagement: new Set(['open', 'psk']), signalDbm: -50 });
});

test.each(['bü ro', '🔑', 'a:b', 'back\\slash', ' padded', 'wh?t'])(
  '%j, which nmcli would garble, counts from NetworkManager alone',
  async (ssid) => {
    const scan = async () => [row(ssid, '', '(none)', -40)];
    const { find } = surveyOf([{ ssid, security: 'mixed', strengthPercent: 90 }], { scan });
    expect(await find(ssid)).toEqual({ ssid, keyManagement: new Set(['psk', 'sae']), signalDbm: -55 });
  },
);

test('what node-wifi and NetworkManager saw counts together', async () => {
  const { find } = surveyOf([{ ssid: 'office', security: 'wpa-psk' }], { scan: async () => [row('office', 'WPA3', 'sae', -50)] });
  expect(await find('office')).toEqual({ ssid: 'office', keyManagement: new Set(['psk', 'sae']), signalDbm: -50 });
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
  expect(await clock.settle(found, 1000)).toMatchObject({ code: 'aborted' });
});

async function homeOf(name: string | Buffer, point: Partial<FakeAccessPoint> = {}) {
  const bytes = Buffer.from(name);
  const made = surveyOf([{ ssid: 'home', bytes, security: 'open', strengthPercent: 84, ...point }], {}, [{ ssid: bytes, hidden: true }]);
  await made.clock.advance(5000);
  return made;
}

test('the current connection, remembered for a while, forgotten on a change', async () => {
  const { survey, clock, steps } = await homeOf('home');
  const current = () => clock.settle(survey.current(), 20_000);
  const asked = () => steps.filter((step) => step === 'ActiveAccessPoint').length;
  expect(await current()).toEqual({ ssid: 'home', signalDbm: -58 });
  await current();
  expect(asked()).toBe(1);
  survey.changed();
  await current();
  await clock.advance(16_000);
  await current();
  expect(asked()).toBe(3);
});

test('no connection, no device, no NetworkManager: null', async () => {
  const off = await homeOf('home', { on: false });
  expect(await off.clock.settle(off.survey.current(), 20_000)).toBeNull();
  const gone = await homeOf('home');
  gone.hub.world.hasDevice = false;
  expect(await gone.clock.settle(gone.survey.current(), 20_000)).toBeNull();
  const stopped = await homeOf('home');
  stopped.hub.restartManager();
  expect(await stopped.clock.settle(stopped.survey.current(), 1000)).toBeNull();
});

test.each<[string | Buffer, string]>([
  ['bü:ro', 'bü:ro'],
  ['x\nyes', 'x\\x0ayes'],
  [Buffer.from([0xff, 0x41, 0xc3]), '\\xffA\\xc3'],
])('the name of the network it is on, %j, is safe to report', async (name, text) => {
  const { survey, clock } = await homeOf(name);
  expect(await clock.settle(survey.current(), 20_000)).toEqual({ ssid: text, signalDbm: -58 });
});
