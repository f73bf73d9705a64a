import { expect, test } from 'vitest';
import { createRedactor } from '../../../../agent/hubctl/bundle/redact.ts';
import { Secret } from '../../../../agent/system/secret.ts';

const PASSWORD = 'pa"ss wörd/42';
const KEY = '00112233445566778899aabbccddeeff';
const redactor = createRedactor([new Secret(PASSWORD), new Secret(KEY)]);
const bytes = Buffer.from(PASSWORD);
const key = Buffer.from(KEY, 'hex');

test.each([
  ['as it is', PASSWORD],
  ['in JSON', JSON.stringify({ x: PASSWORD })],
  ['in a URL', `https://example.com/?p=${encodeURIComponent(PASSWORD)}`],
  ['in hex', bytes.toString('hex')],
  ['in Base64', bytes.toString('base64')],
  ['a key in capitals', KEY.toUpperCase()],
  ['a key in Base64', key.toString('base64')],
  ['a key with colons', [...key].map((byte) => byte.toString(16).padStart(2, '0')).join(':')],
])('a known secret is found and taken out: %s', (_how, text) => {
  expect(redactor.holdsSecret(`before ${text} after`)).toBe(true);
  const clean = redactor.redact(`before ${text} after`);
  expect(redactor.holdsSecret(clean)).toBe(false);
  expect(clean).toContain('[redacted]');
  expect(clean).toMatch(/^before .* after$/);
});

test.each([
  ['{"credentials": "hunter22hunter"}', '{"credentials": "[redacted]"}'],
  ['{"wifiPassword":"a\\"b"}', '{"wifiPassword":"[redacted]"}'],
  ['psk=secretsecret', 'psk=[redacted]'],
  ['Authorization: Bearer abcdefgh.ijkl', 'Authorization: Bearer [redacted]'],
  ['x\n-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----\ny', 'x\n[redacted]\ny'],
  ['cut off -----BEGIN PRIVATE KEY-----\nMHcCAQ', 'cut off [redacted]'],
])('what looks like a secret is taken out: %j', (text, clean) => {
  expect(redactor.redact(text)).toBe(clean);
});

test('what is public stays', () => {
  const text = '{"hubId":"6f0d7bb2","keysPath":"keys.json","privateKeyPath":"private.key","wifiCredentialsSet":true}';
  expect(redactor.redact(text)).toBe(text);
});
