import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../../../agent/hubctl/cli/exit-codes.ts';
import { hubctl } from '../../../../agent/hubctl/cli/hubctl.ts';
import type { HubctlMachine } from '../../../../agent/hubctl/machine/machine.ts';
import { createFiles } from '../../../../agent/system/files.ts';
import { createPki } from '../../../twins/pki/pki.ts';
import { bareMachine } from '../bare-machine.ts';
import { createFakeTerminal } from '../fake-terminal.ts';

const HUB_ID = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const KEY = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hubctl-config-'));
  const pki = await createPki();
  const { certificate, privateKey } = await pki.issueClient(HUB_ID);
  await mkdir(join(folder, 'keys'));
  const identity = { hubId: HUB_ID, serial: 'SN-1', model: 'HUB-1', vendorName: 'Example Locks' };
  const paths = { certificatePath: 'certificate.pem', privateKeyPath: 'private.key' };
  await Promise.all([
    writeFile(join(folder, 'certificate.pem'), certificate),
    writeFile(join(folder, 'private.key'), privateKey, { mode: 0o600 }),
    writeFile(join(folder, 'ca.pem'), pki.caCertificate),
    writeFile(join(folder, 'identity.json'), JSON.stringify({ ...identity, ...paths })),
  ]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** `hubctl config check` on a hub whose one bus has this key file. */
async function check(keys: { text: string; mode?: number; path?: string }, machine: Partial<HubctlMachine> = {}) {
  const path = keys.path ?? 'keys.json';
  await rm(join(folder, path), { force: true });
  await writeFile(join(folder, path), keys.text, { mode: keys.mode ?? 0o600 });
  const config = {
    cloud: { endpoint: 'iot.example.com', caPath: 'ca.pem' },
    buses: [{ id: 'rs485', protocol: 'osdp', path: '/dev/ttyUSB0', keysPath: path }],
  };
  await writeFile(join(folder, 'agent.json'), JSON.stringify(config));
  const terminal = createFakeTerminal();
  const argv = ['config', 'check', '--json', '--config', join(folder, 'agent.json'), '--identity', join(folder, 'identity.json')];
  const code = await hubctl(argv, terminal, bareMachine(folder, machine));
  return {
    code,
    answer: terminal.json() as { right: boolean | null; problems: { field: string; message: string }[]; unreadable: string[] },
  };
}

test.each([
  ['is no JSON', { text: '{' }, /not JSON/],
  ['has a key of a wrong length', { text: '{"5": "abc"}' }, /32 hex digits/],
  ['others can read', { text: '{}', mode: 0o644 }, /mode 0644/],
])('a key file that %s is found before the agent fails on it', async (_what, keys, message) => {
  const { code, answer } = await check(keys);
  expect(code).toBe(EXIT.config);
  expect(answer.problems).toMatchObject([{ field: 'buses[0].keysPath', message: expect.stringMatching(message) }]);
  expect(JSON.stringify(answer)).not.toContain('abc');
});

test('a right key file is no problem', async () => {
  expect(await check({ text: JSON.stringify({ 5: KEY }) })).toMatchObject({ code: EXIT.ok, answer: { right: true, problems: [] } });
});

test('what only root may read is no fault of the configuration', async () => {
  const files = createFiles();
  const read = async (path: string) => {
    if (path.endsWith('private.key')) throw Object.assign(new Error('denied'), { code: 'EACCES' });
    return files.read(path);
  };
  const keys = { text: '{}' };
  expect(await check(keys, { isRoot: false, files: { read } })).toMatchObject({
    code: EXIT.forbidden,
    answer: { right: null, problems: [], unreadable: [join(folder, 'private.key')] },
  });
  // Root may read everything: then it is one.
  expect(await check(keys, { isRoot: true, files: { read } })).toMatchObject({ code: EXIT.config, answer: { right: false } });
});
