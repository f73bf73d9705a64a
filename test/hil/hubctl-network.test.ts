import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { CheckResult } from '../../agent/hubctl/doctor/check.ts';

/** A network namespace of its own has no device that is up, and no route (unshare(1)); who is not root needs a user namespace for it. */
const EMPTY_NETWORK = ['--net', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];
const POSSIBLE = spawnSync('unshare', [...EMPTY_NETWORK, 'true'], { stdio: 'ignore' }).status === 0;
const HUBCTL = join(import.meta.dirname, '../../agent/hubctl.ts');

if (!POSSIBLE) process.stdout.write('skipped: hubctl on a hub without a network (unshare --net is not allowed here)\n');

/** Runs the doctor where there is no network at all. */
async function examine(endpoint: string, checks: string): Promise<CheckResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-no-network-'));
  try {
    const config = join(folder, 'agent.json');
    await writeFile(config, JSON.stringify({ cloud: { endpoint }, local: { socketPath: 'control.sock' } }));
    const argv = ['doctor', '--json', '--check', checks, '--config', config, '--identity', join(folder, 'identity.json')];
    const child = spawn('unshare', [...EMPTY_NETWORK, process.execPath, HUBCTL, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    return (JSON.parse(output) as { checks: CheckResult[] }).checks;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe.runIf(POSSIBLE).concurrent('a hub without any network', () => {
  const noRoute = { status: 'fail', finding: expect.stringContaining('no route to any network'), remedy: 'nmcli device status; ip route' };

  test('an address: the port', async () => {
    expect(await examine('192.0.2.1', 'dns,port')).toMatchObject([
      { check: 'dns', status: 'ok' },
      { check: 'port', ...noRoute },
      { check: 'port', ...noRoute },
    ]);
  });

  test('a name: DNS', async () => {
    expect(await examine('hub.example', 'dns,port')).toMatchObject([
      { check: 'dns', ...noRoute, finding: expect.stringContaining('hub.example cannot be resolved') },
      { check: 'port', status: 'skipped' },
    ]);
  });
});
