import { expect, test } from 'vitest';
import type { WifiCredentials } from '../../../../agent/contract/wifi.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import { checkCredentials, type KeyManagement, planJoin } from '../../../../agent/wifi/change/plan.ts';

function wanted(password: string | null, rest: Partial<WifiCredentials> = {}): WifiCredentials {
  return { ssid: 'office', credentials: password === null ? null : new Secret(password), hidden: false, ...rest };
}

const KEY = '0123456789abcdef'.repeat(4);

const seen = (...offers: KeyManagement[]) => ({ ssid: 'office', keyManagement: new Set(offers), signalDbm: -60 });

test.each([
  ['', null, 'ssid'],
  ['x'.repeat(33), null, 'ssid'],
  ['ü'.repeat(17), null, 'ssid'],
  ['office', 'seven77', 'credentials'],
  ['office', 'x'.repeat(64), 'credentials'],
  ['office', 'pässword', 'credentials'],
  ['office', 'tab\tinside', 'credentials'],
])('refuses %j with %j', (ssid, password, field) => {
  expect(() => checkCredentials(wanted(password, { ssid }))).toThrow(
    expect.objectContaining({ code: 'invalid_args', details: [expect.objectContaining({ field })] }),
  );
});

test.each([
  ['x', null],
  ['ü'.repeat(16), 'eight888'],
  ['🔑'.repeat(8), 'x'.repeat(63)],
  ['office', `${'aA0'.repeat(21)}f`],
])('lets %j pass with %j', (ssid, password) => {
  expect(() => checkCredentials(wanted(password, { ssid }))).not.toThrow();
});

test('refuses security and credentials that contradict each other', () => {
  expect(() => checkCredentials(wanted('password', { security: 'open' }))).toThrow(/open network takes none/);
  expect(() => checkCredentials(wanted(null, { security: 'sae' }))).toThrow(/needs a password/);
});

test.each([
  ['password', ['psk'], 'wpa-psk', false],
  [KEY, ['psk', 'sae'], 'wpa-psk', true],
  ['password', ['sae'], 'sae', true],
  ['password', ['psk', 'sae'], 'sae', true],
  ['password', ['open', 'psk'], 'wpa-psk', false],
  ['password', ['other', 'sae'], 'sae', true],
  [null, ['open'], 'open', false],
  [null, ['open', 'psk'], 'open', false],
] as const)('with %j and %j joins by %s', (password, offers, security, mayUseSae) => {
  expect(planJoin(wanted(password), seen(...offers))).toEqual({
    security,
    seen: true,
    mayUseSae,
    alsoWpa2: security === 'sae' && (offers as readonly string[]).includes('psk'),
  });
});

test.each([
  ['password', ['open']],
  [KEY, ['sae']],
  ['password', ['other']],
  [null, ['psk']],
  [null, ['sae']],
  [null, ['other']],
] as const)('with %j and %j it cannot fit', (password, offers) => {
  expect(() => planJoin(wanted(password), seen(...offers))).toThrow(expect.objectContaining({ code: 'wifi_authentication_failed' }));
});

test('what is asked for is checked against the air', () => {
  expect(planJoin(wanted('password', { security: 'wpa-psk' }), seen('sae'))).toMatchObject({ security: 'sae', mayUseSae: true });
  expect(planJoin(wanted('password', { security: 'wpa-psk' }), seen('psk', 'sae'))).toMatchObject({ security: 'wpa-psk' });
  expect(() => planJoin(wanted(KEY, { security: 'wpa-psk' }), seen('sae'))).toThrow(/does not offer wpa-psk/);
  expect(() => planJoin(wanted('password', { security: 'sae' }), seen('psk'))).toThrow(/does not offer sae; it offers psk/);
  expect(() => planJoin(wanted(null, { security: 'open' }), seen('psk'))).toThrow(/does not offer open/);
});

test('not in the air: not found, unless it is hidden', () => {
  expect(() => planJoin(wanted('password'), null)).toThrow(expect.objectContaining({ code: 'wifi_network_not_found' }));
  expect(planJoin(wanted('password', { hidden: true }), null)).toMatchObject({ security: 'wpa-psk', seen: false, mayUseSae: true });
  expect(planJoin(wanted(null, { hidden: true }), null)).toMatchObject({ security: 'open', seen: false, mayUseSae: false });
  expect(planJoin(wanted('password', { hidden: true, security: 'sae' }), null)).toMatchObject({ security: 'sae' });
});

test('a network that is known as WPA3 is not joined by WPA2 unless that is asked for', () => {
  expect(() => planJoin(wanted('password'), seen('psk'), true)).toThrow(/known|knows this network as WPA3/);
  expect(() => planJoin(wanted(KEY), seen('psk'), true)).toThrow(expect.objectContaining({ code: 'wifi_authentication_failed' }));
  expect(planJoin(wanted('password', { security: 'wpa-psk' }), seen('psk'), true)).toMatchObject({ security: 'wpa-psk' });
  expect(planJoin(wanted('password'), seen('psk', 'sae'), true)).toMatchObject({ security: 'sae' });
  expect(planJoin(wanted('password', { hidden: true }), null, true)).toMatchObject({ security: 'sae' });
});
