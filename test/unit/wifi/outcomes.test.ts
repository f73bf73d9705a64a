import { expect, test } from 'vitest';
import type { WifiCredentials } from '../../../agent/contract/wifi.ts';
import type { FakeAccessPoint } from '../../twins/network-manager/air.ts';
import { credentials, expectTidy, MINUTES, office, onHome } from './on-home.ts';

interface Refused {
  name: string;
  air: FakeAccessPoint[];
  wanted: WifiCredentials;
  code: string;
  /** The link must not have been dropped. */
  untouched?: boolean;
  maxMs?: number;
}

const refused: Refused[] = [
  {
    name: 'wrong WPA2 password',
    air: [office],
    wanted: credentials('office', 'wrong password'),
    code: 'wifi_authentication_failed',
    maxMs: MINUTES,
  },
  {
    name: 'wrong SAE password',
    air: [{ ...office, security: 'sae' }],
    wanted: credentials('office', 'wrong password'),
    code: 'wifi_authentication_failed',
    maxMs: MINUTES,
  },
  {
    name: 'wrong password on a network of both kinds',
    air: [{ ...office, security: 'mixed' }],
    wanted: credentials('office', 'wrong password'),
    code: 'wifi_authentication_failed',
  },
  { name: 'unknown SSID', air: [], wanted: credentials('nowhere', 'some password'), code: 'wifi_network_not_found', untouched: true },
  {
    name: 'unknown hidden SSID',
    air: [],
    wanted: credentials('nowhere', 'some password', { hidden: true }),
    code: 'wifi_network_not_found',
  },
  { name: 'no DHCP', air: [{ ...office, dhcp: false }], wanted: credentials('office', 'office password'), code: 'wifi_no_address' },
  {
    name: 'no way to the cloud',
    air: [{ ...office, cloud: false }],
    wanted: credentials('office', 'office password'),
    code: 'wifi_cloud_unreachable',
  },
  {
    name: 'no password for a protected network',
    air: [office],
    wanted: credentials('office', null),
    code: 'wifi_authentication_failed',
    untouched: true,
  },
  {
    name: 'a password for an open network',
    air: [{ ssid: 'cafe', security: 'open' }],
    wanted: credentials('cafe', 'some password'),
    code: 'wifi_authentication_failed',
    untouched: true,
  },
  {
    name: 'open asked, protected in the air',
    air: [office],
    wanted: credentials('office', null, { security: 'open' }),
    code: 'wifi_authentication_failed',
    untouched: true,
  },
  {
    name: 'enterprise network',
    air: [{ ssid: 'corp', security: 'enterprise' }],
    wanted: credentials('corp', 'some password'),
    code: 'wifi_authentication_failed',
    untouched: true,
  },
  { name: 'too long an SSID', air: [], wanted: credentials('é'.repeat(17), 'some password'), code: 'invalid_args', untouched: true },
  { name: 'too short a password', air: [office], wanted: credentials('office', 'short'), code: 'invalid_args', untouched: true },
  { name: 'its own network, wrong password', air: [], wanted: credentials('home', 'not the password'), code: 'wifi_authentication_failed' },
];

for (const { name, air, wanted, code, untouched, maxMs } of refused) {
  test(`refused, and back on the old network: ${name}`, async () => {
    const run = await onHome(air);
    const before = run.hub.active()?.path;
    const profiles = [...run.hub.profiles()];
    await expect(run.change(wanted)).rejects.toMatchObject({ code });
    expect(run.hub.network()).toBe('home');
    expect(run.hub.reachesCloud()).toBe(true);
    if (untouched) expect(run.hub.active()?.path).toBe(before);
    if (maxMs) expect(run.clock.nowMs() - 10_000).toBeLessThan(maxMs);
    expect(run.hub.profiles()).toEqual(profiles);
    expectTidy(run);
  });
}

interface Accepted {
  name: string;
  air: FakeAccessPoint[];
  wanted: WifiCredentials;
  security: string;
}

const HEX = '0123456789abcdef'.repeat(4);
const accepted: Accepted[] = [
  { name: 'open', air: [{ ssid: 'cafe', security: 'open' }], wanted: credentials('cafe', null), security: 'open' },
  { name: 'WPA3-SAE', air: [{ ...office, security: 'sae' }], wanted: credentials('office', 'office password'), security: 'sae' },
  { name: 'WPA2 and WPA3', air: [{ ...office, security: 'mixed' }], wanted: credentials('office', 'office password'), security: 'sae' },
  {
    name: 'WPA2 asked of both',
    air: [{ ...office, security: 'mixed' }],
    wanted: credentials('office', 'office password', { security: 'wpa-psk' }),
    security: 'wpa-psk',
  },
  {
    name: 'WPA2 asked, WPA3 alone in the air',
    air: [{ ...office, security: 'sae' }],
    wanted: credentials('office', 'office password', { security: 'wpa-psk' }),
    security: 'sae',
  },
  {
    name: '64 hex digits, which SAE does not have, on both',
    air: [{ ...office, security: 'mixed', password: HEX }],
    wanted: credentials('office', HEX),
    security: 'wpa-psk',
  },
  {
    name: 'SAE asked of both',
    air: [{ ...office, security: 'mixed' }],
    wanted: credentials('office', 'office password', { security: 'sae' }),
    security: 'sae',
  },
  { name: '64 hex digits', air: [{ ...office, password: HEX }], wanted: credentials('office', HEX), security: 'wpa-psk' },
  {
    name: 'hidden',
    air: [{ ...office, hidden: true }],
    wanted: credentials('office', 'office password', { hidden: true }),
    security: 'wpa-psk',
  },
  {
    name: 'hidden and open',
    air: [{ ssid: 'cafe', security: 'open', hidden: true }],
    wanted: credentials('cafe', null, { hidden: true }),
    security: 'open',
  },
  {
    name: 'an SSID of emoji',
    air: [{ ...office, ssid: '🔑🏠🔒🚪🏡🛎🗝🔐' }],
    wanted: credentials('🔑🏠🔒🚪🏡🛎🗝🔐', 'office password'),
    security: 'wpa-psk',
  },
  {
    name: 'quotes, dollars, backslashes and spaces in the password',
    air: [{ ...office, password: 'a"b\'c$d\\e f' }],
    wanted: credentials('office', 'a"b\'c$d\\e f'),
    security: 'wpa-psk',
  },
  {
    name: 'two access points of one name, one of them open',
    air: [{ ssid: 'office', security: 'open' }, office],
    wanted: credentials('office', 'office password'),
    security: 'wpa-psk',
  },
  { name: 'its own network, same password', air: [], wanted: credentials('home', 'home password'), security: 'wpa-psk' },
];

for (const { name, air, wanted, security } of accepted) {
  test(`accepted: ${name}`, async () => {
    const run = await onHome(air);
    await expect(run.change(wanted)).resolves.toMatchObject({ ssid: wanted.ssid, previousSsid: 'home' });
    expect(run.hub.network()).toBe(wanted.ssid);
    expect(run.hub.profiles().at(-1)?.settings).toMatchObject({ security, hidden: wanted.hidden, autoconnect: true });
    expectTidy(run);
    run.hub.powerCut();
    await run.clock.advance(MINUTES);
    expect(run.hub.network()).toBe(wanted.ssid);
  });
}

test('joined by WPA3, then an access point of that name that offers WPA2 alone: refused, the profile stays WPA3', async () => {
  const run = await onHome([{ ...office, security: 'mixed' }]);
  await run.change(credentials('office', 'office password'));
  run.hub.switchAccessPoint('office', false);
  await run.clock.advance(MINUTES);
  run.hub.air.push({ ...office, security: 'wpa-psk' });
  await expect(run.change(credentials('office', 'office password'))).rejects.toMatchObject({ code: 'wifi_authentication_failed' });
  expect(run.hub.profiles().at(-1)?.settings.security).toBe('sae');
  const asked = credentials('office', 'office password', { security: 'wpa-psk' });
  await expect(run.change(asked)).resolves.toMatchObject({ security: 'wpa-psk' });
});

test('a network with IPv6 alone, and one with both: either suffices, the result has what there is', async () => {
  const run = await onHome([
    { ...office, dhcp: false, ipv6: true },
    { ssid: 'both', security: 'open', ipv6: true },
  ]);
  const only6 = await run.change(credentials('office', 'office password'));
  expect(only6).toMatchObject({ ssid: 'office', ipv4: null, ipv6: 'fd00:7::20' });
  expect(await run.change(credentials('both', null))).toMatchObject({ ipv4: '192.168.7.20', ipv6: 'fd00:7::20' });
});

test('IPv6 alone beside Ethernet: the proof goes from the IPv6 address', async () => {
  const run = await onHome([{ ...office, dhcp: false, ipv6: true }]);
  run.hub.world.ethernet = true;
  expect(await run.change(credentials('office', 'office password'))).toMatchObject({ ipv4: null, ipv6: 'fd00:7::20' });
  expect(run.agent.proofs).toEqual(['fd00:7::20']);
});

test('beside Ethernet the answer of a failed change waits until the Wi-Fi is back', async () => {
  const run = await onHome([{ ...office, cloud: false }]);
  run.hub.world.ethernet = true;
  const answer = await run.change(credentials('office', 'office password')).catch((error: unknown) => error);
  expect(answer).toMatchObject({ code: 'wifi_cloud_unreachable', message: expect.not.stringContaining('not back') });
  expect(run.hub.network()).toBe('home');
});

test('beside Ethernet, and the old network is gone meanwhile: the answer says that the Wi-Fi is not back', async () => {
  const run = await onHome([{ ...office, cloud: false }]);
  run.hub.world.ethernet = true;
  run.clock.schedule(10_000, () => run.hub.switchAccessPoint('home', false));
  const answer = await run.change(credentials('office', 'office password')).catch((error: unknown) => error);
  expect(answer).toMatchObject({ code: 'wifi_cloud_unreachable', message: expect.stringContaining('not back') });
});
