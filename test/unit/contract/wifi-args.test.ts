import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseWifiArgs } from '../../../agent/contract/wifi-args.ts';
import { HubError } from '../../../agent/system/errors.ts';

const HEX = 'aB'.repeat(32);
const GOOD = { ssid: 'Home', credentials: 'correct horse' };

function refused(args: unknown): HubError {
  try {
    parseWifiArgs(args);
  } catch (error) {
    if (error instanceof HubError) return error;
    throw error;
  }
  throw new Error('accepted');
}

const fields = (args: unknown) => refused(args).details.map(({ field }) => field);

test('args become typed credentials', () => {
  const parsed = parseWifiArgs({ ...GOOD, hidden: true, security: 'sae', colour: 'blue' });
  expect(parsed).toMatchObject({ ssid: 'Home', hidden: true, security: 'sae' });
  expect(parsed.credentials!.reveal()).toBe('correct horse');
  expect(Object.keys(parsed).sort()).toEqual(['credentials', 'hidden', 'security', 'ssid']);
});

test.each([
  ['absent', { ssid: 'Café' }],
  ['empty', { ssid: 'Café', credentials: '' }],
  ['null', { ssid: 'Café', credentials: null, hidden: null, security: null }],
  ['said to be open', { ssid: 'Café', credentials: '', security: 'open' }],
])('an open network: credentials %s', (_case, args) => {
  expect(parseWifiArgs(args)).toMatchObject({ ssid: 'Café', credentials: null, hidden: false });
});

test.each([
  ['one byte', { ...GOOD, ssid: 'a' }],
  ['a blank', { ...GOOD, ssid: ' ' }],
  ['32 bytes of emoji', { ...GOOD, ssid: '🔒'.repeat(8) }],
  ['control characters', { ...GOOD, ssid: 'a\u0001b' }],
  ['8 characters', { ...GOOD, credentials: '12345678' }],
  ['63 characters', { ...GOOD, credentials: '~'.repeat(63) }],
  ['64 hex digits', { ...GOOD, credentials: HEX, security: 'wpa-psk' }],
  ['63 hex digits are a passphrase', { ...GOOD, credentials: HEX.slice(1), security: 'sae' }],
  ['quotes, dollar and backslash', { ...GOOD, credentials: `"'$\\ x;y` }],
])('accepted: %s', (_case, args) => {
  expect(parseWifiArgs(args).ssid).toBe(args.ssid);
});

test.each<[string, unknown, string[]]>([
  ['no args', undefined, ['ssid']],
  ['a text', 'ssid=Home', ['args']],
  ['a list', ['Home'], ['args']],
  ['ssid missing', { credentials: 'correct horse' }, ['ssid']],
  ['ssid empty', { ...GOOD, ssid: '' }, ['ssid']],
  ['ssid a number', { ...GOOD, ssid: 5 }, ['ssid']],
  ['33 bytes in 32 characters', { ...GOOD, ssid: `é${'a'.repeat(31)}` }, ['ssid']],
  ['half an emoji', { ...GOOD, ssid: '\ud83d' }, ['ssid']],
  ['7 characters', { ...GOOD, credentials: '1234567' }, ['credentials']],
  ['64 characters that are not hex', { ...GOOD, credentials: 'x'.repeat(64) }, ['credentials']],
  ['65 hex digits', { ...GOOD, credentials: `${HEX}a` }, ['credentials']],
  ['not ASCII', { ...GOOD, credentials: 'pässwort1' }, ['credentials']],
  ['a line end', { ...GOOD, credentials: 'password\n' }, ['credentials']],
  ['a number', { ...GOOD, credentials: 12_345_678 }, ['credentials']],
  ['open with credentials', { ...GOOD, security: 'open' }, ['credentials']],
  ['wpa-psk without credentials', { ssid: 'Home', security: 'wpa-psk' }, ['credentials']],
  ['sae without credentials', { ssid: 'Home', credentials: '', security: 'sae' }, ['credentials']],
  ['sae with 64 hex digits', { ...GOOD, credentials: HEX, security: 'sae' }, ['credentials']],
  ['security unknown', { ...GOOD, security: 'wep' }, ['security']],
  ['security of an object', { ...GOOD, security: { toString: 'sae' } }, ['security']],
  ['hidden as a text', { ...GOOD, hidden: 'true' }, ['hidden']],
  ['everything wrong', { ssid: '', credentials: 'x', hidden: 1, security: 2 }, ['ssid', 'credentials', 'hidden', 'security']],
])('refused: %s', (_case, args, expected) => {
  expect(refused(args).code).toBe('invalid_args');
  expect(fields(args)).toEqual(expected);
});

test('whatever the args are, the answer is credentials or invalid_args, and the secret is in neither text', () => {
  const ssid = fc.oneof(fc.string({ unit: 'binary' }), fc.anything());
  const credentials = fc.string({ minLength: 12, maxLength: 80 }).map((text) => `s3cr3t${text}`);
  const args = fc.record({ ssid, credentials, security: fc.constantFrom('open', 'sae', 'wpa-psk', undefined, 'x') });
  fc.assert(
    fc.property(args, (value) => {
      let outcome: unknown;
      try {
        outcome = parseWifiArgs({ ...value, ssid: value.ssid === value.credentials ? '' : value.ssid });
      } catch (error) {
        expect(error).toBeInstanceOf(HubError);
        outcome = { message: (error as HubError).message, details: (error as HubError).details };
      }
      expect(inspect({ ...(outcome as object), ssid: '' }, { depth: 5 })).not.toContain('s3cr3t');
    }),
  );
});

test.each(['\0', 'a\0b', 'Home\0'])('an SSID with a NUL character is refused by name: %j', (ssid) => {
  expect(() => parseWifiArgs({ ssid, credentials: 'password' })).toThrow(
    expect.objectContaining({ code: 'invalid_args', details: [{ field: 'ssid', message: expect.stringMatching(/NUL/) }] }),
  );
});
