import { spawn, spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const AGENT = join(import.meta.dirname, '../../../agent/main.ts');
const HUBCTL = join(import.meta.dirname, '../../../agent/hubctl.ts');
const FLASH = join(import.meta.dirname, '../../../scripts/flash/main.ts');

/** Runs a program, its output to a file or to here. */
function run(argv: string[], output?: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', output === undefined ? 'pipe' : openSync(output, 'w'), 'pipe'],
      timeout: 60_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (part) => (stdout += String(part)));
    child.stderr!.on('data', (part) => (stderr += String(part)));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

test.each(['help', 'status --json', 'commands'])('hubctl %s onto a full disk ends with 74 and says so', async (line) => {
  const { code, stderr } = await run([HUBCTL, ...line.split(' ')], '/dev/full');
  expect(code).toBe(74);
  expect(stderr).toContain('could not be written');
});

test.each([
  ['the agent', [AGENT, '--help']],
  ['flash', [FLASH, '--help']],
])('%s onto a full disk ends with 74 and says so', async (_, argv) => {
  const { code, stderr } = await run(argv, '/dev/full');
  expect(code).toBe(74);
  expect(stderr).toContain('could not be written');
});

test('the agent answers a misspelt option with the one that was probably meant', async () => {
  const { code, stderr } = await run([AGENT, '--chek']);
  expect(code).toBe(64);
  expect(stderr).toMatch(/^hub-agent: Unknown option '--chek'\. Did you mean "--check"\?\n\nhub-agent .*connects/);
});

async function fifo(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-fifo-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'fifo');
  spawnSync('mkfifo', [path]);
  return path;
}

test.each([
  ['an endless device', async () => '/dev/zero'],
  ['a FIFO', fifo],
  ['a folder', async () => tmpdir()],
])('a configuration that is %s is refused by everything that reads it', async (_what, make) => {
  const path = await make();
  const check = await run([AGENT, '--check', '--config', path, '--identity', path]);
  expect(check.code, check.stderr).toBe(78);
  expect(check.stderr).toMatch(/no regular file|is a directory/);
  const checked = await run([HUBCTL, 'config', 'check', '--config', path, '--identity', path]);
  expect(checked.code, checked.stderr).toBe(78);
  expect((await run([HUBCTL, 'status', '--config', path])).code).toBe(69);
  const output = await mkdtemp(join(tmpdir(), 'hub-batch-'));
  onTestFinished(() => rm(output, { recursive: true }));
  for (const [manifest, config] of [
    [path, AGENT],
    [AGENT, path],
  ] as const) {
    const flashed = await run([FLASH, '--manifest', manifest, '--config', config, '--output', join(output, 'batch')]);
    expect(flashed.code, flashed.stderr).toBe(65);
  }
});
