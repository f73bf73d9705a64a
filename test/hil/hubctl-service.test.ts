import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HubctlPorts } from '../../agent/hubctl/cli/command.ts';
import { EXIT } from '../../agent/hubctl/cli/exit-codes.ts';
import { hubctl } from '../../agent/hubctl/cli/hubctl.ts';
import { canBecome, canMount, NOBODY } from '../support/privileges.ts';
import { bareMachine } from '../unit/hubctl/bare-machine.ts';
import { createFakeTerminal } from '../unit/hubctl/fake-terminal.ts';

const HUBCTL = join(import.meta.dirname, '../../agent/hubctl.ts');
/** The smallest file system in memory: one page. */
const ROOM_BYTES = 4_096;
const LINE_BYTES = 96;

/** hubctl as a user who may read nothing of the hub, in a process of its own. */
async function asNobody(line: string): Promise<{ code: number; output: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'hubctl-closed-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'state'), { mode: 0o700 });
  await writeFile(join(folder, 'agent.json'), JSON.stringify({ local: { socketPath: 'no.sock' }, stateDirectory: 'state' }));
  await writeFile(join(folder, 'identity.json'), '{"hubId": "x"}', { mode: 0o600 });
  // No unit of the agent, and a journal that shows nothing to this user.
  const bin = join(folder, 'bin');
  await mkdir(bin, { mode: 0o755 });
  await writeFile(join(bin, 'systemctl'), "#!/bin/sh\nprintf 'LoadState=not-found\\nActiveState=inactive\\n'\n", { mode: 0o755 });
  await writeFile(join(bin, 'journalctl'), '#!/bin/sh\n', { mode: 0o755 });
  const env = { ...process.env, PATH: bin };
  const argv = [HUBCTL, ...line.split(' '), '--config', join(folder, 'agent.json'), '--identity', join(folder, 'identity.json')];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { uid: NOBODY, gid: NOBODY, cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: `${stdout}\n${stderr}`.replace(/\s+/g, ' ') }),
    );
  });
}

describe.runIf(await canBecome(NOBODY, HUBCTL))('without sudo what may not be read is not called absent', () => {
  test.each([
    [
      'status',
      69,
      /Hub not readable: use sudo Claim not readable: use sudo .*Nodes not readable.*Commands not readable/,
      /not claimed|none known/,
    ],
    ['nodes', 69, /The nodes on the disk are not readable: use sudo/, /No nodes are known/],
    ['commands', 69, /The journal on the disk is not readable: use sudo/, /No command has come/],
    ['logs', 69, /shows nothing to this user: sudo hubctl logs/, /nothing either/],
    ['doctor --check certificate,files', 0, /certificate .*identity\.json is not readable: use sudo/, /names no certificate/],
    ['nodes --json', 69, /"unreadable":true/, /$^/],
    ['status --json', 69, /"unreadable":\["[^"]*identity\.json","claim","nodes","commands"\]/, /agentRssBytes/],
  ])('%s', async (line, expected, says, denies) => {
    const { code, output } = await asNobody(line);
    expect(output).toMatch(says);
    expect(output).not.toMatch(denies);
    expect(code).toBe(expected);
  });
});

test.runIf(await canMount())('a bundle for which there is no room leaves nothing behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hubctl-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${ROOM_BYTES}`, 'tmpfs', folder]);
  onTestFinished(async () => {
    execFileSync('umount', [folder]);
    await rm(folder, { recursive: true });
  });
  const missing = [
    '--config',
    join(folder, 'agent.json'),
    '--identity',
    join(folder, 'identity.json'),
    '--socket',
    join(folder, 'no.sock'),
  ];
  // More than fits, whatever else is in the bundle, and nothing of it can be compressed.
  const ports: HubctlPorts = {
    ...bareMachine(folder),
    async journal(_options, onLine) {
      for (let bytes = 0; bytes < 4 * ROOM_BYTES; bytes += LINE_BYTES) onLine(randomBytes(LINE_BYTES).toString('base64'));
      return true;
    },
  };
  const terminal = createFakeTerminal();
  expect(await hubctl(['bundle', '--output', join(folder, 'bundle.tar.gz'), ...missing], terminal, ports)).toBe(EXIT.bad);
  expect(terminal.errors.join(' ')).toContain('ENOSPC');
  expect(await readdir(folder)).toEqual([]);
});
