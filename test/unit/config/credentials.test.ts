import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { AGENT, authority, FOLDER, IDENTITY, load, NOW, otherPair, pair, type Rig, refusal } from './rig.ts';

const encrypted = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'p',
}) as string;
const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const damagedKey = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';

const cases: [string, Rig, string, string][] = [
  ['certificate missing', { files: { 'certificate.pem': null } }, 'certificatePath', 'does not exist'],
  ['certificate not readable', { files: { 'certificate.pem': { code: 'EACCES' } } }, 'certificatePath', 'may not read'],
  ['certificate damaged', { files: { 'certificate.pem': damaged } }, 'certificatePath', 'damaged'],
  ['certificate cut off', { files: { 'certificate.pem': pair.certificate.slice(0, 200) } }, 'certificatePath', 'no end'],
  ['certificate is DER or text', { files: { 'certificate.pem': 'hello' } }, 'certificatePath', 'not a certificate in PEM'],
  [
    'key in the place of the certificate',
    { files: { 'certificate.pem': pair.privateKey } },
    'certificatePath',
    'PRIVATE KEY, not a certificate',
  ],
  ['key missing', { files: { 'key.pem': null } }, 'privateKeyPath', 'does not exist'],
  ['key not readable', { files: { 'key.pem': { code: 'EACCES' } } }, 'privateKeyPath', 'may not read'],
  ['key damaged', { files: { 'key.pem': damagedKey } }, 'privateKeyPath', 'damaged'],
  ['key under a passphrase', { files: { 'key.pem': encrypted } }, 'privateKeyPath', 'passphrase'],
  ['certificate in the place of the key', { files: { 'key.pem': pair.certificate } }, 'privateKeyPath', 'CERTIFICATE, not a private key'],
  ['key of another certificate', { files: { 'key.pem': otherPair.privateKey } }, 'privateKeyPath', 'does not belong'],
  ['key readable by the group', { keyMode: 0o640 }, 'privateKeyPath', `chmod 0600 ${FOLDER}/key.pem`],
  ['key readable by others', { keyMode: 0o604 }, 'privateKeyPath', 'mode 0604'],
  ['authorities missing', { files: { 'ca.pem': null } }, 'cloud.caPath', 'does not exist'],
  ['authorities damaged', { files: { 'ca.pem': `${authority}${damaged}` } }, 'cloud.caPath', 'damaged'],
  ['expired', { now: new Date('2027-01-02T00:00:00Z') }, 'certificatePath', 'expired'],
  ['not valid yet', { now: new Date('2025-12-31T00:00:00Z') }, 'certificatePath', 'not valid yet'],
];

test.each(cases)('%s', async (_case, rig, field, words) => {
  const { problems, text } = await refusal(rig);
  const found = problems.filter((problem) => problem.field === field);
  expect(found).toHaveLength(1);
  expect(found[0]!.message + found[0]!.remedy).toContain(words);
  expect(text).not.toContain(pair.privateKey.split('\n')[1]);
});

test('a validity problem shows the dates and the clock', async () => {
  const { text } = await refusal({ now: new Date('2027-01-02T00:00:00Z') });
  expect(text).toContain('2026-01-01T00:00:00Z');
  expect(text).toContain('2027-01-01T00:00:00Z');
  expect(text).toContain('2027-01-02T00:00:00Z');
});

test.each([
  ['1970', { now: new Date(60_000), clockSynchronized: null }],
  ['a plausible time that was never set from the network', { now: new Date('2025-12-31T00:00:00Z'), clockSynchronized: false }],
  ['a plausible time of which nobody says whether it was set', { now: new Date('2025-12-31T00:00:00Z'), clockSynchronized: null }],
  ['a time after the certificate, not set from the network', { now: new Date('2040-01-01T00:00:00Z'), clockSynchronized: false }],
])('a clock that shows %s is a warning, not an error', async (_case, rig) => {
  const { warnings } = await load(rig);
  expect(warnings).toEqual([expect.objectContaining({ field: 'certificatePath', message: expect.stringContaining('clock is not set') })]);
});

test('a clock that was set from the network is believed', async () => {
  const { text } = await refusal({ now: new Date('2025-12-31T00:00:00Z'), clockSynchronized: true });
  expect(text).toContain('not valid yet');
});

test('a file with several authorities is fine', async () => {
  await expect(load({ files: { 'ca.pem': `# roots\n${authority}\n${authority}` } })).resolves.toMatchObject({ warnings: [] });
});

const fromService: Rig = {
  identity: { ...IDENTITY, certificatePath: 'credential:cert', privateKeyPath: 'credential:key' },
  agent: {
    cloud: { ...AGENT.cloud, caPath: 'credential:ca' },
    buses: [{ id: 'a', protocol: 'osdp', path: '/dev/a', keysPath: 'credential:keys' }],
  },
};

test('credentials of the service manager are found, and their mode bits are not judged', async () => {
  const config = await load({
    ...fromService,
    env: { CREDENTIALS_DIRECTORY: '/run/credentials/hub' },
    files: {
      '/run/credentials/hub/cert': pair.certificate,
      '/run/credentials/hub/key': pair.privateKey,
      '/run/credentials/hub/ca': authority,
    },
    keyMode: 0o440,
    now: NOW,
  });
  expect(config.identity.privateKeyPath).toBe('/run/credentials/hub/key');
  expect(config.cloud.caPath).toBe('/run/credentials/hub/ca');
  expect(config.buses[0]).toMatchObject({ keysPath: '/run/credentials/hub/keys' });
});

test('a credential outside of a service is explained for each field', async () => {
  const { problems } = await refusal(fromService);
  expect(problems.map((problem) => problem.field)).toEqual(['certificatePath', 'privateKeyPath', 'cloud.caPath', 'buses[0].keysPath']);
  expect(problems[0]!.remedy).toContain('LoadCredential=');
});

test.each(['credential:', 'credential:../key', 'credential:..', 'credential:a/b'])(
  '%s does not lead out of the credentials',
  async (path) => {
    const { problems } = await refusal({ identity: { ...IDENTITY, privateKeyPath: path }, env: { CREDENTIALS_DIRECTORY: '/run/c' } });
    expect(problems.map((problem) => problem.field)).toEqual(['privateKeyPath']);
  },
);
