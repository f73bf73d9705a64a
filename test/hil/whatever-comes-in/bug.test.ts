import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRig } from '../rig/rig.ts';
import { untilOnline } from '../rig/start.ts';

/** A bug on demand: an exception, or a rejection, that passes every guard. */
const BUG = `data:text/javascript,${encodeURIComponent(`
  process.on('SIGUSR2', () => { throw new Error('a bug'); });
  process.on('SIGWINCH', () => { Promise.reject(new Error('a rejection')); });
`)}`;

test.each(['SIGUSR2', 'SIGWINCH'] as const)(
  'A bug that passes every guard (%s) ends the process, and start-pace is told',
  async (signal) => {
    await using rig = await createRig();
    const started = join(rig.folder, 'started');
    const agent = rig.startAgent({ env: { RUNTIME_DIRECTORY: rig.folder, NODE_OPTIONS: `--import=${BUG}` } });
    await untilOnline(rig);
    expect(await readFile(started, 'utf8')).toBe('started\n');
    process.kill(agent.pid, signal);
    expect(await agent.exited).toBe(70);
    expect(agent.lines.at(-1)).toMatchObject({ level: 'fatal', event: 'bug' });
    expect(await readFile(started, 'utf8')).toBe('bug\n');
  },
);

test('An end that was asked for is noted as one', async () => {
  await using rig = await createRig();
  const agent = rig.startAgent({ env: { RUNTIME_DIRECTORY: rig.folder } });
  await untilOnline(rig);
  expect(await agent.stop()).toBe(0);
  expect(await readFile(join(rig.folder, 'started'), 'utf8')).toBe('stopped\n');
});
