import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHubctl } from '../rig/hubctl.ts';
import { createRig } from '../rig/rig.ts';
import { untilOnline } from '../rig/start.ts';

/** What can stand in the place of the state directory. */
const PLACES: [string, (path: string) => void][] = [
  // As a removed folder does that a bind mount still shows.
  ['a folder that answers that new ones are missing', (path) => symlinkSync('/proc/self', path)],
  ['a file', (path) => writeFileSync(path, '')],
  ['a FIFO', (path) => void execFileSync('mkfifo', [path])],
  ['a link to a disk that is not mounted', (path) => symlinkSync('/nonexistent/hub', path)],
  ['a link to itself', (path) => symlinkSync(path, path)],
];

test.each(PLACES)(
  '%s in the place of the state directory: commands are answered, status and doctor tell it, the stop is clean',
  async (_, make) => {
    await using rig = await createRig();
    make(join(rig.folder, 'state'));
    const agent = rig.startAgent();
    await untilOnline(rig);
    await rig.provision();
    expect((await rig.run('server_info')).status).toBe('SUCCEEDED');
    const { status, error } = await rig.run('set_wifi_credentials', { ssid: 'home', password: 'not stored' });
    expect({ status, error }).toMatchObject({ status: 'FAILED', error: { code: 'internal', message: expect.stringContaining('journal') } });
    const { code, terminal } = await runHubctl(rig, 'status --json');
    expect(code).toBe(1);
    expect((terminal.json() as { problems: { code: string }[] }).problems.map((problem) => problem.code)).toContain('files_failing');
    expect((await runHubctl(rig, 'doctor --check files')).code).toBe(1);
    expect(await agent.stop()).toBe(0);
  },
);
