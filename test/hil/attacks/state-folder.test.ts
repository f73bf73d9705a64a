import { execFile, spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

const HUBCTL = join(import.meta.dirname, '../../../agent/hubctl.ts');
/** Stands for the service's user. */
const SERVICE = 64_321;
const CLAIM = JSON.stringify({ orgId: 'o', siteId: 's', claimedBy: 'u', claimedAt: 1 });

/** A state folder of the service, in which its user may plant what it likes, and a folder of root's with a victim. */
async function createScene() {
  const folder = await mkdtemp(join(tmpdir(), 'hub-attack-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const state = join(folder, 'state');
  const victims = join(folder, 'victims');
  await mkdir(join(state, 'commands'), { recursive: true });
  await mkdir(victims, { mode: 0o777 });
  await chmod(victims, 0o755);
  for (const name of ['c1.json', 'claim.json', 'forget-wifi']) await writeFile(join(victims, name), 'precious');
  await writeFile(join(state, 'claim.json'), CLAIM);
  await writeFile(join(folder, 'agent.json'), JSON.stringify({ local: { socketPath: 'no.sock' }, stateDirectory: 'state' }));
  const own = async () => void spawnSync('chown', ['-Rh', `${SERVICE}:${SERVICE}`, state]);
  await own();
  return {
    folder,
    state,
    victims,
    own,
    precious: () => Promise.all(['c1.json', 'claim.json', 'forget-wifi'].map((name) => readFile(join(victims, name), 'utf8'))),
  };
}

function hubctl(folder: string, line: string): Promise<{ code: number; output: string }> {
  const argv = [HUBCTL, ...line.split(' '), '--config', join(folder, 'agent.json'), '--identity', join(folder, 'identity.json')];
  // An empty PATH: no systemctl, and so no service.
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { env: { PATH: '/nonexistent' }, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
}

const UNTOUCHED = ['precious', 'precious', 'precious'];

// Only root is attacked so, and only root can give a folder away.
describe.runIf(process.getuid?.() === 0)('root’s hubctl in the state folder of the service', () => {
  test.each([
    [
      'the folder of commands is a link',
      async (state: string, victims: string) => {
        await rm(join(state, 'commands'), { recursive: true });
        await symlink(victims, join(state, 'commands'));
      },
    ],
    ['a note is a link', (state: string, victims: string) => symlink(join(victims, 'forget-wifi'), join(state, 'forget-wifi'))],
    [
      'the usual temporary name of a note is a link',
      (state: string, victims: string) => symlink(join(victims, 'forget-wifi'), join(state, 'forget-wifi.tmp')),
    ],
    [
      'the claim is a link',
      async (state: string, victims: string) => {
        await rm(join(state, 'claim.json'));
        await symlink(join(victims, 'claim.json'), join(state, 'claim.json'));
      },
    ],
    [
      'the claim is a FIFO',
      async (state: string) => {
        await rm(join(state, 'claim.json'));
        spawnSync('mkfifo', [join(state, 'claim.json')]);
      },
    ],
  ] as const)('reset --factory, %s: nothing outside is touched, and what is made is the service’s', async (_what, plant) => {
    const { folder, state, victims, own, precious } = await createScene();
    await plant(state, victims);
    await own();
    const { code, output } = await hubctl(folder, 'reset --factory --yes');
    expect(code, output).toBe(0);
    expect(await precious()).toEqual(UNTOUCHED);
    expect(await readdir(state)).not.toContain('claim.json');
    expect(await readdir(state)).toContain('forget-wifi');
    expect((await lstat(join(state, 'forget-wifi'))).uid).toBe(SERVICE);
  });

  test('a state folder that is itself a link of the service’s user is not followed as root', async () => {
    const { folder, state, victims, precious } = await createScene();
    await rm(state, { recursive: true });
    await symlink(victims, state);
    spawnSync('chown', ['-h', `${SERVICE}:${SERVICE}`, state]);
    const { code } = await hubctl(folder, 'reset --factory --yes');
    expect(code).toBe(77);
    expect(await precious()).toEqual(UNTOUCHED);
  });

  test.each(['status', 'commands', 'nodes', 'status --json'])('%s neither hangs nor crashes on planted files', async (line) => {
    const { folder, state, own } = await createScene();
    for (const name of ['nodes.json', 'commands/a.json', 'commands/b.done']) spawnSync('mkfifo', [join(state, name)]);
    await writeFile(
      join(state, 'commands/c.json'),
      JSON.stringify({ format: 1, entry: { id: 'c', command: 'x', receivedAt: 1e99, stage: {} } }),
    );
    await symlink('/dev/zero', join(state, 'commands/d.json'));
    await writeFile(join(state, 'claim.json'), '{"siteId":"s","orgId":{},"claimedAt":"x"}');
    await own();
    const { code, output } = await hubctl(folder, line);
    expect(code, output).toBe(69);
  });
});
