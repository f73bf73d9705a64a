import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createRedactor } from '../../../../agent/hubctl/bundle/redact.ts';
import type { Places } from '../../../../agent/hubctl/cli/locate.ts';
import { findSecrets } from '../../../../agent/hubctl/machine/secrets.ts';
import { createPaths } from '../../../../agent/system/paths.ts';

const SEED = 20_261_130;
const RUNS = 300;

const PASSWORD = 'correct horse battery';
const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }).toString();
const listOf = (text: string) => `${[...Buffer.from(text)].join(';')};`;

/** What a search for the secrets of a hub finds whose only profile is this. */
async function search(profile: string) {
  const folder = await mkdtemp(join(tmpdir(), 'hub-profiles-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const profiles = join(folder, 'profiles');
  await mkdir(profiles);
  await writeFile(join(profiles, 'a.nmconnection'), profile);
  const places: Places = {
    configPath: join(folder, 'agent.json'),
    identityPath: join(folder, 'identity.json'),
    stateDirectory: join(folder, 'state'),
    credentialsDirectory: folder,
    socketPath: join(folder, 'control.sock'),
    config: {},
    identity: {},
    unreadable: [],
  };
  const { secrets, unread } = await findSecrets(places, createPaths(), [profiles]);
  return { redactor: createRedactor(secrets), secrets, unread };
}

const PROPERTIES: readonly [group: string, key: string][] = [
  ['wifi-security', 'psk'],
  ['802-11-wireless-security', 'wep-key0'],
  ['wifi-security', 'wep-key3'],
  ['wifi-security', 'leap-password'],
  ['802-1x', 'password'],
  ['802-1x', 'password-raw'],
  ['802-1x', 'ca-cert-password'],
  ['802-1x', 'phase2-client-cert-password'],
  ['802-1x', 'private-key-password'],
  ['802-1x', 'phase2-private-key-password'],
  ['802-1x', 'pin'],
  ['gsm', 'pin'],
  ['pppoe', 'password'],
  ['macsec', 'mka-cak'],
  ['wireguard', 'private-key'],
  ['wireguard-peer.AAAA', 'preshared-key'],
  ['vpn-secrets', 'Xauth whatever'],
];

test.each(PROPERTIES)('a secret of [%s] %s is kept out of a bundle', async (group, key) => {
  const { redactor } = await search(`[connection]\nid=x\n[${group}]\n${key}=${PASSWORD}\n`);
  const text = `tried "${PASSWORD}" now`;
  expect(redactor.holdsSecret(text)).toBe(true);
  expect(redactor.redact(text)).toBe('tried "[redacted]" now');
});

test.each([
  ['as NetworkManager writes it', `psk=${PASSWORD}`, PASSWORD],
  ['spaces around the sign', `psk \t= ${PASSWORD}`, PASSWORD],
  ['spaces before the key', `\t psk=${PASSWORD}`, PASSWORD],
  ['lines that end as on Windows', `psk=${PASSWORD}\r`, PASSWORD],
  ['a space in front', 'psk=\\scorrect horse', ' correct horse'],
  ['spaces in front of few letters', 'psk=\\s\\sabcdef', '  abcdef'],
  ['few letters apart', 'psk=a b c d e', 'a b c d e'],
  ['a backslash', 'psk=cor\\\\rect horse', 'cor\\rect horse'],
  ['a sign of a group', 'psk=[secret] = #1', '[secret] = #1'],
  ['the key twice', `psk=${PASSWORD}\npsk=another one`, PASSWORD],
  ['bytes', `password-raw=${listOf('correcthorse')}`, 'correcthorse'],
  ['bytes that are no text', 'password-raw=255;254;1;2;3;4;5;6;7;8;', 'fffe0102030405060708'],
])('a password is found however the profile has it: %s', async (_how, line, secret) => {
  const { redactor, unread } = await search(`# a profile\n[wifi-security]\nkey-mgmt=wpa-psk\n${line}\n\n[ipv4]\nmethod=auto`);
  expect(redactor.holdsSecret(`tried "${secret}" now`)).toBe(true);
  expect(redactor.redact(`tried "${secret}" now`)).not.toContain(secret);
  expect(unread).toEqual([]);
});

test.each([
  ['base64', `data:;base64,${Buffer.from(KEY).toString('base64')}`],
  ['bytes', listOf(KEY)],
])('a private key within a profile (%s) is found by its lines', async (_how, value) => {
  const { redactor } = await search(`[802-1x]\nphase2-private-key=${value}\n`);
  for (const line of KEY.split('\n').slice(1, -2)) expect(redactor.holdsSecret(`"${line}"`)).toBe(true);
});

test('the PIN of a key on a token is a secret', async () => {
  const { redactor } = await search('[802-1x]\nprivate-key=pkcs11:object=hub?pin-value=12345678\n');
  expect(redactor.holdsSecret('tried 12345678')).toBe(true);
});

test('paths, flags, names and comments are no secrets', async () => {
  const lines = [
    '[connection]',
    'id=hub-agent password',
    '[802-1x]',
    'private-key=/etc/ssl/hub-client.pem',
    `phase2-private-key=${listOf('file:///etc/ssl/hub-client.pem')}`,
    'password-flags=11111111',
    `#psk=${PASSWORD}`,
    '[wifi]',
    'ssid=psk=the name of it',
  ];
  expect((await search(lines.join('\n'))).secrets).toEqual([]);
});

test('a profile of a size that none has is not read, and named', async () => {
  const { unread } = await search(`[wifi-security]\n#${' '.repeat(300_000)}\npsk=${PASSWORD}\n`);
  expect(unread).toEqual([expect.stringContaining('a.nmconnection')]);
});

test('of a profile with more secrets than one has, the rest is named', async () => {
  const many = Array.from({ length: 2_000 }, (_, index) => `k${index}=secret number ${index}`);
  const { unread } = await search(['[vpn-secrets]', ...many].join('\n'));
  expect(unread).toEqual([expect.stringContaining('a.nmconnection')]);
});

/** As GLib writes a value (`g_key_file_parse_string_as_value`). */
const escaped = (text: string) => text.replaceAll('\\', '\\\\').replace(/^ +/, (spaces) => '\\s'.repeat(spaces.length));

test(`Every password that a Wi-Fi may have is found (seed ${SEED}, ${RUNS} runs)`, async () => {
  const password = fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 63 }).filter((text) => text.trim() !== '');
  const blank = fc.constantFrom('', ' ', '\t', '  ');
  let held = 0;
  await fc.assert(
    fc.asyncProperty(password, blank, blank, async (text, before, behind) => {
      const { redactor } = await search(`[wifi-security]\n${before}psk${behind}=${before}${escaped(text)}\n`);
      expect(redactor.holdsSecret(JSON.stringify({ tried: text }))).toBe(true);
      held += 1;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(held).toBe(RUNS);
}, 60_000);
