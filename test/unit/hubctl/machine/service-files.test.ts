import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { locate } from '../../../../agent/hubctl/cli/locate.ts';
import { findClosedFiles } from '../../../../agent/hubctl/machine/service-files.ts';
import { groupName, mayOpen, RIGHT, serviceUser } from '../../../../agent/hubctl/machine/service-user.ts';
import { createFiles } from '../../../../agent/system/files.ts';
import { createPaths } from '../../../../agent/system/paths.ts';
import { canGiveAway } from '../../../support/privileges.ts';

const files = createFiles();
const paths = createPaths();

const [UID, GID, DIALOUT] = [61_234, 61_235, 20];

/** A system with the agent's configuration as the package's rule leaves it. */
async function createSystem(identity: Record<string, unknown> = {}, config: Record<string, unknown> = {}) {
  const etc = await mkdtemp(join(tmpdir(), 'hubctl-etc-'));
  onTestFinished(() => rm(etc, { recursive: true, force: true }));
  await chmod(etc, 0o755);
  const folder = join(etc, 'hub-agent');
  const write = async (name: string, text: string, mode: number) => {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), mode);
    await chown(join(folder, name), 0, mode === 0o600 ? 0 : GID);
  };
  await mkdir(folder);
  await chmod(folder, 0o750);
  await chown(folder, 0, GID);
  await Promise.all([
    writeFile(join(etc, 'passwd'), `root:x:0:0::/:\nhub-agent:x:${UID}:${GID}::/:\n`),
    writeFile(join(etc, 'group'), `dialout:x:${DIALOUT}:\nplugdev:x:46:hub-agent\nhub-agent:x:${GID}:\n`),
    write('identity.json', JSON.stringify(identity), 0o640),
    write('agent.json', JSON.stringify(config), 0o640),
    write('ca.pem', '', 0o644),
    write('private-key.pem', '', 0o600),
  ]);
  const find = async (from = folder) =>
    findClosedFiles(await locate({ config: join(from, 'agent.json'), identity: join(from, 'identity.json') }, { env: {}, files, paths }), {
      etc,
      files,
      paths,
    });
  return { etc, folder, find };
}

describe.runIf(await canGiveAway(UID, GID))('what root may read and the agent may not', () => {
  test('nothing, as the package leaves it', async () => {
    const credentials = { certificatePath: 'credential:certificate.pem', privateKeyPath: 'credential:private-key.pem' };
    const { find } = await createSystem(credentials, { cloud: { caPath: 'ca.pem' }, buses: [{ keysPath: 'credential:keys_a' }, null] });
    expect(await find()).toEqual([]);
  });

  test('a document of root alone', async () => {
    const { find, folder } = await createSystem();
    await chmod(join(folder, 'agent.json'), 0o600);
    expect(await find()).toEqual([
      {
        file: join(folder, 'agent.json'),
        field: '',
        message: 'the agent, which runs as hub-agent, may not read it',
        remedy: 'sudo systemd-tmpfiles --create hub-agent.conf',
      },
    ]);
  });

  test('a folder that it may not enter', async () => {
    const { find, folder } = await createSystem();
    await chown(folder, 0, 0);
    expect(await find()).toMatchObject([
      { message: expect.stringContaining(`${folder} is closed to it`), remedy: 'sudo systemd-tmpfiles --create hub-agent.conf' },
      { file: join(folder, 'agent.json') },
    ]);
  });

  test('a CA, a certificate and keys by their plain paths', async () => {
    const paths = { certificatePath: 'private-key.pem', privateKeyPath: 'private-key.pem' };
    const { find, folder } = await createSystem(paths, { cloud: { caPath: 'ca.pem' }, buses: [{ keysPath: 'private-key.pem' }] });
    await chmod(join(folder, 'ca.pem'), 0o600);
    expect(await find()).toMatchObject([
      { field: 'certificatePath', remedy: expect.stringMatching(/^sudo chgrp hub-agent (.*) && sudo chmod 0640 \1$/) },
      { field: 'privateKeyPath', remedy: expect.stringContaining('"privateKeyPath": "credential:private-key.pem"') },
      { field: 'cloud.caPath', remedy: expect.stringContaining('chgrp hub-agent') },
      { field: 'buses[0].keysPath', remedy: expect.stringContaining('"keysPath": "credential:keys_NAME"') },
    ]);
  });

  test('not judged of a draft elsewhere, nor where there is no such user', async () => {
    const { find, folder, etc } = await createSystem();
    const draft = join(etc, 'draft');
    await mkdir(draft, { mode: 0o700 });
    expect(await find(draft)).toEqual([]);
    await chmod(join(folder, 'agent.json'), 0o600);
    await writeFile(join(etc, 'passwd'), 'root:x:0:0::/:\n');
    expect(await find()).toEqual([]);
  });

  test('a device by its user, its groups and that of its unit', async () => {
    const { etc } = await createSystem();
    const user = await serviceUser({ etc, files });
    expect(user).toEqual({ uid: UID, gids: new Set([GID, DIALOUT, 46]) });
    expect(await groupName({ etc, files }, 46)).toBe('plugdev');
    const device = join(etc, 'tty');
    await writeFile(device, '');
    const opens = async (owner: number, group: number, mode: number) => {
      await chown(device, owner, group);
      await chmod(device, mode);
      return mayOpen(paths, device, user);
    };
    expect(await opens(0, DIALOUT, 0o660)).toBe(true);
    expect(await opens(0, 46, 0o660)).toBe(true);
    expect(await opens(0, 46, 0o640)).toBe(false);
    expect(await opens(0, 0, 0o660)).toBe(false);
    // The owner's rights count for the owner, also where the group has more.
    expect(await opens(UID, DIALOUT, 0o060)).toBe(false);
    expect(RIGHT.read + RIGHT.write + RIGHT.enter).toBe(7);
  });
});
