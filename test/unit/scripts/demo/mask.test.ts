import { expect, test } from 'vitest';
import { createMasker } from '../../../../scripts/demo/page/mask.ts';

const PASSWORD = 'correct-horse "battery"';

test('a field that is secret by its name is masked, and its value wherever it comes again', () => {
  const mask = createMasker();
  const shadow = { desired: { command: 'set_wifi_credentials', args: { ssid: 'Office', credentials: PASSWORD } } };
  expect(mask.value(shadow)).toEqual({ desired: { command: 'set_wifi_credentials', args: { ssid: 'Office', credentials: '••••••' } } });
  expect(shadow.desired.args.credentials).toBe(PASSWORD);
  expect(mask.text(`said ${PASSWORD}, and ${JSON.stringify({ x: PASSWORD })}`)).toBe('said ••••••, and {"x":"••••••"}');
  expect(mask.value({ reported: [{ note: `with ${PASSWORD}` }] })).toEqual({ reported: [{ note: 'with ••••••' }] });
});

test('other names of secrets, and a key in PEM', () => {
  const mask = createMasker();
  const { apiKey, psk, nested, key, session } = mask.value({
    apiKey: 'demo-1234',
    psk: 12345678,
    nested: { passphrase: ['a'], wifiPassword: 'x' },
    key: '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----',
    session: '0b5e',
  });
  expect([apiKey, psk, nested, session]).toEqual(['••••••', '••••••', { passphrase: '••••••', wifiPassword: '••••••' }, '0b5e']);
  expect(key).toBe('••••••');
});

test('what only sounds so stays', () => {
  const mask = createMasker();
  const plain = { wifiCredentialsSet: true, security: 'default_key', clientToken: 'abc', credentials: null };
  expect(mask.value(plain)).toEqual(plain);
});

test('a short value does not mask half of every text', () => {
  const mask = createMasker();
  mask.value({ credentials: 'on' });
  expect(mask.text('online')).toBe('online');
});
