import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHubctl } from '../rig/hubctl.ts';
import { createRig, type Rig } from '../rig/rig.ts';
import { untilOnline } from '../rig/start.ts';

const MAIN = join(import.meta.dirname, '../../../agent/main.ts');

/** Starts the agent from a shell, which it replaces. */
function startFrom(rig: Rig, script: string) {
  return rig.startAgent({ program: ['sh', '-c', script, 'sh', process.execPath, MAIN] });
}

/** A pipe with no room and nobody who reads. The agent holds the end that keeps it open. */
function stuckPipe(rig: Rig): string {
  const pipe = join(rig.folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  return `exec 3<> ${pipe}; dd if=/dev/zero of=/dev/fd/3 bs=65536 count=1 2> /dev/null; exec "$@" > ${pipe} 2>&1`;
}

async function statusOf(rig: Rig) {
  const { terminal } = await runHubctl(rig, 'status --json');
  return terminal.json() as { agent: { logOutput: { failing: string } }; problems: { text: string }[] };
}

test.each([
  ['on a full disk', () => 'exec "$@" > /dev/full 2>&1', 'ENOSPC', 'the disk is full'],
  ['a pipe that nobody reads', stuckPipe, 'EAGAIN', 'its reader does not read'],
])('With standard output %s the agent works, says so, and stops when it is asked', async (_, scriptFor, failing, words) => {
  await using rig = await createRig();
  const agent = startFrom(rig, scriptFor(rig));
  await untilOnline(rig);
  await rig.provision();
  expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
  const { agent: facts, problems } = await statusOf(rig);
  expect(facts.logOutput.failing).toBe(failing);
  expect(problems.map(({ text }) => text).join()).toContain(words);
  // The ring has what the journal has not.
  const { terminal } = await runHubctl(rig, 'logs');
  expect(terminal.text()).toContain('cloud_online');
  expect(await agent.stop()).toBe(0);
  expect(rig.reported().online).toBe(false);
});

test('The end of the terminal is a goodbye: SIGHUP stops the agent as SIGTERM does', async () => {
  await using rig = await createRig();
  const agent = rig.startAgent();
  await untilOnline(rig);
  process.kill(agent.pid, 'SIGHUP');
  expect(await agent.exited).toBe(0);
  expect(rig.reported().online).toBe(false);
});
