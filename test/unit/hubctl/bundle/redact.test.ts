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

const wrapped = (text: string, width: number, end: string) => text.match(new RegExp(`.{1,${width}}`, 'g'))!.join(end);
const nested = JSON.stringify({ a: JSON.stringify({ b: JSON.stringify(PASSWORD) }) });

test.each([
  ['in another case', PASSWORD.toUpperCase()],
  ['JSON in JSON in JSON', nested],
  ['with escapes of Unicode', [...PASSWORD].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')],
  ['decomposed', PASSWORD.normalize('NFD')],
  ['in UTF-16', [...PASSWORD].join('\0')],
  ['in UTF-16 and Base64', Buffer.from(PASSWORD, 'utf16le').toString('base64')],
  ['in Base64 behind other bytes', Buffer.from(`x${PASSWORD}y`).toString('base64')],
  ['in Base64 behind two other bytes', Buffer.from(`xx${PASSWORD}`).toString('base64url')],
  ['in wrapped Base64', wrapped(bytes.toString('base64'), 5, '\n')],
  ['in Base64, wrapped, in JSON', JSON.stringify(wrapped(bytes.toString('base64'), 5, '\r\n'))],
  ['in hex with dashes', wrapped(bytes.toString('hex'), 2, '-')],
  ['in hex with prefixes', wrapped(bytes.toString('hex'), 2, '\\x').replace(/^/, '\\x')],
  ['as a list of numbers', JSON.stringify(bytes)],
  ['a key as bytes of C', [...key].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', ')],
  ['a key as bytes of a string', wrapped(KEY, 2, '\\x').replace(/^/, '\\x')],
  ['a key in groups', wrapped(KEY.toUpperCase(), 4, ' ')],
  ['a key with line ends', wrapped(KEY, 8, ' \\\n')],
  ['a key in Base64 of its hex', Buffer.from(KEY).toString('base64')],
])('a known secret is found and taken out, whatever its spelling: %s', (_how, text) => {
  const around = `before ${text} after`;
  expect(redactor.holdsSecret(around)).toBe(true);
  const clean = redactor.redact(around);
  expect(redactor.holdsSecret(clean)).toBe(false);
  expect(clean).toMatch(/^before [\s\S]*\[redacted\][\s\S]* after$/);
});

test('a password of signs alone is found where its letters would be too few', () => {
  const signs = createRedactor([new Secret('!§$%&/()=')]);
  expect(signs.holdsSecret(JSON.stringify({ a: '!§$%&/()=' }))).toBe(true);
  expect(signs.holdsSecret('nothing of it')).toBe(false);
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
