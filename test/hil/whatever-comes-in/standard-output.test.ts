import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
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

/** A file that a shell's `>` opened: its writers share one position, and none of them appends. */
async function sharedFile() {
  const folder = await mkdtemp(join(tmpdir(), 'hub-output-'));
  const path = join(folder, 'output');
  const fd = openSync(path, 'w');
  onTestFinished(() => {
    closeSync(fd);
    return rm(folder, { recursive: true });
  });
  return { fd, write: (text: string) => void writeSync(fd, text), text: () => readFile(path, 'utf8') };
}

const BEFORE = 'a line from before\n';
const AFTER = `${'z'.repeat(200)}\n`;

async function endOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

test('Errors in a file that others write to as well are whole: nothing is overwritten', async () => {
  const file = await sharedFile();
  file.write(BEFORE);
  const missing = join(tmpdir(), 'no-such-folder', 'agent.json');
  const args = [MAIN, '--check', '--config', missing, '--identity', missing];
  expect(await endOf(spawn(process.execPath, args, { stdio: ['ignore', file.fd, file.fd] }))).toBe(78);
  file.write(AFTER);
  const text = await file.text();
  expect(text).toMatch(/^a line from before\nhub-agent: The configuration has 2 problems:\n/);
  expect(text).toMatch(/the file does not exist\. [^\n]*\nz{200}\n$/);
});

test('The log in a file that others write to as well is whole: nothing is overwritten', async () => {
  await using rig = await createRig();
  const file = await sharedFile();
  file.write(BEFORE);
  const etc = (name: string) => join(rig.folder, 'etc', name);
  const child = spawn(process.execPath, [MAIN, '--identity', etc('identity.json'), '--config', etc('agent.json')], {
    stdio: ['ignore', file.fd, 'inherit'],
    env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(rig.folder, 'no-system-bus')}` },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = endOf(child);
  await untilOnline(rig);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  file.write(AFTER);
  const [before, ...lines] = (await file.text()).split('\n');
  expect(`${before}\n`).toBe(BEFORE);
  const after = lines.splice(-2);
  expect(after.join('\n')).toBe(AFTER);
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toContain('cloud_online');
});
