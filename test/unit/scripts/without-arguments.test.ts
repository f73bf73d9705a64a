import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPTS = join(import.meta.dirname, '../../../scripts');

/** Runs a script without npm in reach: an audit that runs says so. */
function run(script: string, argument: string) {
  const folder = mkdtempSync(join(tmpdir(), 'no-programs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return spawnSync(process.execPath, [join(SCRIPTS, script), argument], { env: { PATH: folder }, encoding: 'utf8', timeout: 60_000 });
}

test.each([
  ['audit.ts', 'npm run audit'],
  ['schemas.ts', 'npm run schemas'],
])('%s prints its help, and refuses what it does not have, and does nothing else', (script, usage) => {
  const help = run(script, '--help');
  expect(help).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(new RegExp(`^usage: ${usage}\n`)) });
  expect(help.stdout).not.toContain('known vulnerabilities:');
  expect(run(script, '--hepl')).toMatchObject({ status: 64, stdout: '', stderr: expect.stringContaining(`usage: ${usage}`) });
});
