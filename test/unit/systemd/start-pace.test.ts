import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';

const SOURCE = resolve(import.meta.dirname, '../../../systemd/start-pace');
/** How long the machine is up, in seconds: it stands still. */
const UPTIME = 5_000;
let folder: string;
let script: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'start-pace-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  // In place of sleep(1): the wait is noted, not waited.
  writeFileSync(join(folder, 'sleep'), `#!/bin/sh\necho "$1" > '${folder}/slept'\n`);
  chmodSync(join(folder, 'sleep'), 0o755);
  writeFileSync(join(folder, 'uptime'), `${UPTIME}.42 1.00\n`);
  script = join(folder, 'start-pace');
  writeFileSync(script, readFileSync(SOURCE, 'utf8').replaceAll('/proc/uptime', `'${join(folder, 'uptime')}'`));
});

/** One start: the wait in seconds, and what is remembered. */
function start(): { waited: number; at: number; vain: number; ends: number } {
  writeFileSync(join(folder, 'slept'), '0');
  execFileSync('sh', [script, 'true'], { env: { PATH: `${folder}:${process.env.PATH}`, RUNTIME_DIRECTORY: folder } });
  const [at = 0, vain = 0, ends = 0] = readFileSync(join(folder, 'starts'), 'utf8').split(' ').map(Number);
  return { waited: Number(readFileSync(join(folder, 'slept'), 'utf8')), at, vain, ends };
}

test('Starts that come to nothing are waited for, longer and longer, and never given up', () => {
  const waits = Array.from({ length: 14 }, (_, vain) => {
    if (vain > 0) writeFileSync(join(folder, 'starts'), `${UPTIME} ${vain - 1}\n`);
    return start().waited;
  });
  expect(waits).toEqual([0, 0, 0, 0, 0, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
});

test('A start that lasted is forgotten, the wait before it not counted', () => {
  writeFileSync(join(folder, 'starts'), `${UPTIME - 11} 9\n`);
  expect(start()).toMatchObject({ waited: 0, vain: 0 });
  writeFileSync(join(folder, 'starts'), `${UPTIME - 1} 9\n`);
  expect(start()).toMatchObject({ waited: 60, vain: 10 });
});

test('A start that takes long and comes to nothing is waited for as well', () => {
  for (let vain = 0; vain < 5; vain += 1) {
    writeFileSync(join(folder, 'starts'), `${UPTIME - 8} ${vain}\n`);
    expect(start()).toMatchObject({ waited: vain < 4 ? 0 : 4, vain: vain + 1 });
  }
});

test('An agent that is killed again and again while it works comes back at once', () => {
  let vain = 0;
  for (let kill = 0; kill < 20; kill += 1) {
    writeFileSync(join(folder, 'starts'), `${UPTIME - 1} ${vain} ${kill}\n`);
    writeFileSync(join(folder, 'started'), 'started\n');
    const next = start();
    expect(next.waited).toBe(0);
    vain = next.vain;
    expect(readFileSync(join(folder, 'started'), 'utf8')).toBe('');
  }
});

/** The next start after a run of so many seconds with this last word. */
function startAfter(run: { lasted: number; how: string; vain?: number; ends?: number }) {
  writeFileSync(join(folder, 'starts'), `${UPTIME - run.lasted} ${run.vain ?? 0} ${run.ends ?? 0}\n`);
  writeFileSync(join(folder, 'started'), `${run.how}\n`);
  return start();
}

test('An agent that dies by a bug is waited for, also when its services had been up', () => {
  const starts = Array.from({ length: 9 }, (_, vain) => startAfter({ lasted: 3, how: 'bug', vain }));
  expect(starts.map(({ waited }) => waited)).toEqual([0, 0, 0, 0, 4, 8, 16, 32, 60]);
  expect(starts.map(({ vain }) => vain)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('A bug after some minutes counts as well; a long good run forgives', () => {
  expect(startAfter({ lasted: 590, how: 'bug', vain: 6 })).toMatchObject({ waited: 16, vain: 7 });
  expect(startAfter({ lasted: 601, how: 'bug', vain: 6 })).toMatchObject({ waited: 0, vain: 0 });
});

test('One that crashes without a word, again and again, does not come back every few seconds for ever', () => {
  const starts = [0, 28, 29, 30, 33, 60].map((ends) => startAfter({ lasted: 4, how: 'started', ends }));
  expect(starts.map(({ waited, ends }) => [waited, ends])).toEqual([
    [0, 1],
    [0, 29],
    [4, 30],
    [8, 31],
    [60, 34],
    [60, 61],
  ]);
});

test('A crash now and then is forgiven, and an end that was asked for is none', () => {
  expect(startAfter({ lasted: 600, how: 'started', ends: 6 })).toMatchObject({ waited: 0, ends: 2 });
  expect(startAfter({ lasted: 600, how: 'started', ends: 1 })).toMatchObject({ waited: 0, ends: 1 });
  expect(startAfter({ lasted: 1, how: 'stopped', ends: 29 })).toMatchObject({ waited: 0, ends: 29 });
});

test('It becomes the program, with its arguments, and ends as that does', () => {
  const env = { PATH: process.env.PATH, RUNTIME_DIRECTORY: folder };
  expect(execFileSync('sh', [script, 'printf', '%s|', 'a b', ''], { env, encoding: 'utf8' })).toBe('a b||');
  expect(spawnSync('sh', [script, 'sh', '-c', 'exit 78'], { env }).status).toBe(78);
});

test.each([
  ['no runtime directory', {}],
  ['one that cannot be written', { RUNTIME_DIRECTORY: '/proc/none' }],
])('With %s the program starts all the same', (_, env) => {
  const { status, stdout } = spawnSync('sh', [script, 'echo', 'started'], { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'started\n' });
});

test('A file that a power cut left in pieces does no harm', () => {
  writeFileSync(join(folder, 'starts'), '');
  expect(start()).toMatchObject({ waited: 0, vain: 0 });
});
