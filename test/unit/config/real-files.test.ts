import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../../agent/config/load.ts';
import { createFiles } from '../../../agent/system/files.ts';
import { createPaths } from '../../../agent/system/paths.ts';
import { AGENT, authority, IDENTITY, NOW, pair } from './rig.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-config-'));
  const content = {
    'identity.json': JSON.stringify({ ...IDENTITY, privateKeyPath: 'link.pem' }),
    'agent.json': JSON.stringify(AGENT),
    'certificate.pem': pair.certificate,
    'key.pem': pair.privateKey,
    'ca.pem': authority,
  };
  for (const [name, text] of Object.entries(content)) await writeFile(join(folder, name), text, { mode: 0o600 });
  await symlink('key.pem', join(folder, 'link.pem'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const load = () =>
  loadConfig({
    identityPath: join(folder, 'identity.json'),
    agentPath: join(folder, 'agent.json'),
    files: createFiles(),
    paths: createPaths(),
    env: {},
    now: NOW,
  });

test('files on a disk load, and a link to the key is judged by the key', async () => {
  await expect(load()).resolves.toMatchObject({ identity: { privateKeyPath: join(folder, 'link.pem') }, warnings: [] });
  await chmod(join(folder, 'key.pem'), 0o644);
  await expect(load()).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining('chmod 0600') });
});

test('a folder in the place of a file is explained', async () => {
  await rm(join(folder, 'ca.pem'));
  await symlink('.', join(folder, 'ca.pem'));
  await expect(load()).rejects.toMatchObject({
    details: [expect.objectContaining({ field: 'cloud.caPath', message: expect.stringContaining('directory') })],
  });
});
