import { generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Manifest, manifestText, modeOf, parseManifest } from '../../../agent/release/manifest.ts';
import { isSigned, trustedKey } from '../../../agent/release/signature.ts';
import { FIRST_STATE, formatState, parseState, type ReleasesState } from '../../../agent/release/state.ts';

const part = (name: string) => ({ name, sha256: 'a'.repeat(64), bytes: 10 });
const manifest: Manifest = {
  format: 1,
  sequence: 1_795_300_000,
  version: '1.2.3',
  arch: 'arm64',
  models: ['HUB-1'],
  requiresSystem: 1,
  parts: ['node', 'hub-agent.cjs', 'native/aws-crt.node'].map(part),
  createdAt: '2026-11-28T00:00:00.000Z',
};

test('A manifest has one text: sorted, without white space, and read back as it was', () => {
  const text = manifestText(manifest);
  expect(text.startsWith('{"arch":"arm64","createdAt":')).toBe(true);
  expect(parseManifest(text)).toEqual(manifest);
  expect(manifestText(parseManifest(text))).toBe(text);
  expect(manifest.parts.map(modeOf)).toEqual([0o755, 0o644, 0o644]);
});

test.each<[string, (fields: Record<string, unknown>) => void]>([
  ['format', (fields) => (fields.format = 2)],
  ['sequence', (fields) => (fields.sequence = 0)],
  ['sequence', (fields) => (fields.sequence = 1.5)],
  ['sequence', (fields) => (fields.sequence = '7')],
  ['arch', (fields) => (fields.arch = 'armhf')],
  ['models', (fields) => (fields.models = 'HUB-1')],
  ['requiresSystem', (fields) => (fields.requiresSystem = -1)],
  ['createdAt', (fields) => (fields.createdAt = 'today')],
  ['fields that are not known', (fields) => (fields.run = 'reboot')],
  ['list of parts', (fields) => (fields.parts = Array.from({ length: 33 }, (_, index) => part(`p${index}`)))],
  ['usable name', (fields) => (fields.parts = [...manifest.parts, part('../../etc/passwd')])],
  ['usable name', (fields) => (fields.parts = [...manifest.parts, part('/bin/sh')])],
  ['usable name', (fields) => (fields.parts = [...manifest.parts, part('release.json')])],
  ['usable name', (fields) => (fields.parts = [...manifest.parts, part('native/../hub-agent.cjs')])],
  ['usable name', (fields) => (fields.parts = [...manifest.parts, part('hub-agent.cjs\u202e')])],
  ['usable name', (fields) => (fields.parts = [...manifest.parts, part('h\u00fcb.cjs')])],
  ['too large', (fields) => (fields.parts = Array.from({ length: 10_000 }, (_, index) => part(`p${index}`)))],
  ['sensible size', (fields) => (fields.parts = [{ ...part('node'), bytes: 2 ** 31 }])],
  ['usable name', (fields) => (fields.parts = [...manifest.parts, part('native')])],
  ['SHA-256', (fields) => (fields.parts = [{ ...part('node'), sha256: '../x' }])],
  ['sensible size', (fields) => (fields.parts = [{ ...part('node'), bytes: 1e12 }])],
  ['no hub-agent.cjs', (fields) => (fields.parts = [part('node')])],
  ['two parts', (fields) => (fields.parts = [...manifest.parts, part('node')])],
])('A manifest is refused by name: %s', (words, spoil) => {
  const fields: Record<string, unknown> = { ...manifest };
  spoil(fields);
  expect(() => parseManifest(manifestText(fields as unknown as Manifest))).toThrow(words);
});

test.each([
  '',
  '[]',
  '{',
  'null',
  `${manifestText(manifest)}\n`,
  ` ${manifestText(manifest)}`,
  JSON.stringify(manifest, null, 1),
  '"x"'.repeat(9_000),
])('Not the canonical text: %#', (text) => {
  expect(() => parseManifest(text)).toThrow(/manifest/);
});

test('A signature of one of the trusted keys counts; of other bytes, of another key or in another form it does not', () => {
  const [one, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  const text = manifestText(manifest);
  const signature = sign(null, Buffer.from(text), one.privateKey).toString('base64');
  expect(isSigned(text, signature, [other.publicKey, one.publicKey])).toBe(true);
  expect(isSigned(text, `${signature}\n`, [one.publicKey])).toBe(true);
  expect(isSigned(text, signature, [other.publicKey])).toBe(false);
  expect(isSigned(text, signature, [])).toBe(false);
  expect(isSigned(`${text} `, signature, [one.publicKey])).toBe(false);
  for (const damaged of ['', 'x', signature.slice(1), signature.replace('==', ''), signature.repeat(2)]) {
    expect(isSigned(text, damaged, [one.publicKey])).toBe(false);
  }
});

test('Only a public Ed25519 key is trusted', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = (key: typeof publicKey, type: 'spki' | 'pkcs8') =>
    Buffer.from(key.export({ type, format: 'pem' } as never) as unknown as string);
  expect(trustedKey(pem(publicKey, 'spki'))?.asymmetricKeyType).toBe('ed25519');
  expect(trustedKey(pem(privateKey, 'pkcs8'))).toBeNull();
  expect(trustedKey(pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, 'spki'))).toBeNull();
  expect(trustedKey(Buffer.from('no key'))).toBeNull();
});

const state: ReleasesState = {
  current: { sequence: 20, requiresSystem: 1 },
  previous: { sequence: 0, requiresSystem: 0 },
  highest: 20,
  trial: { sequence: 30, requiresSystem: 2, attempt: 'job_7-x:2' },
  bad: [{ sequence: 25, attempt: 'job:1' }],
  history: [
    { atSeconds: 5, what: 'committed', sequence: 20, attempt: 'local', reason: null },
    { atSeconds: 9, what: 'rolled_back', sequence: 25, attempt: 'job:1', reason: 'no_cloud' },
  ],
};

test('The state of the releases is read back as it was', () => {
  for (const each of [state, FIRST_STATE, { ...state, trial: null }]) expect(parseState(formatState(each))).toEqual(each);
});

test('The state is damaged by any byte that changes or is missing', () => {
  const text = formatState(state);
  for (let at = 0; at < text.length; at += 1) {
    expect(() => parseState(text.slice(0, at)), `cut at ${at}`).toThrow('damaged');
    const other = String.fromCharCode(text.charCodeAt(at) ^ 1);
    expect(() => parseState(text.slice(0, at) + other + text.slice(at + 1)), `changed at ${at}`).toThrow('damaged');
  }
});

test('Neither history nor the list of bad releases grows without end; what the sequence refuses anyway is not listed', () => {
  const many = Array.from({ length: 100 }, (_, index) => index);
  const bad = many.map((index) => ({ sequence: index, attempt: `job:${index}` }));
  const history = many.map((index) => ({
    atSeconds: index,
    what: 'refused' as const,
    sequence: 1,
    attempt: 'a',
    reason: 'disk_full' as const,
  }));
  const kept = parseState(formatState({ ...state, bad, history }));
  expect(kept.history.map(({ atSeconds }) => atSeconds)).toEqual(many.slice(-32));
  expect(kept.bad).toEqual(bad.slice(-32));
  expect(parseState(formatState({ ...state, highest: 90, bad })).bad).toEqual(bad.slice(91));
});
