import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ARCHITECTURES, type Architecture } from '../../scripts/package/runtime.ts';
import { demoPeripherals } from '../twins/osdp-line/index.ts';
import { makePackage, PACKAGE_TIMEOUT_MS, unpackPackage } from './rig/packages.ts';
import { createRig } from './rig/rig.ts';

/** Set to 1 it must run: nothing is skipped. */
const REQUIRED = process.env.HUB_REQUIRE_PACKAGE === '1';

const NODE_NAMES: Record<Architecture, string> = { amd64: 'x64', arm64: 'arm64' };
/** Where Debian's `libc6-ARCH-cross` and `libstdc++6-ARCH-cross` put the libraries of another processor, and its emulator. */
const EMULATORS: Record<Architecture, { program: string; libraries: string }> = {
  amd64: { program: '/usr/bin/qemu-x86_64-static', libraries: '/usr/x86_64-linux-gnu' },
  arm64: { program: '/usr/bin/qemu-aarch64-static', libraries: '/usr/aarch64-linux-gnu' },
};

/** The words before a binary of this processor: none on its own machine, null where it cannot run. */
function runner(arch: Architecture): string[] | null {
  if (process.arch === NODE_NAMES[arch]) return [];
  const { program, libraries } = EMULATORS[arch];
  return existsSync(program) && existsSync(libraries) ? [program, '-L', libraries] : null;
}

describe.each(ARCHITECTURES)('The package for %s, unpacked', (arch) => {
  test('its agent starts with its own Node, finds the peripherals, answers, and stops; its hubctl asks it', {
    timeout: 2 * PACKAGE_TIMEOUT_MS,
  }, async ({ skip }) => {
    const words = runner(arch);
    skip(!REQUIRED, 'makes a package and fetches its runtime: HUB_REQUIRE_PACKAGE=1');
    const { program, libraries } = EMULATORS[arch];
    expect(words, `needs ${program} and ${libraries} (qemu-user-static, libc6-${arch}-cross, libstdc++6-${arch}-cross)`).not.toBeNull();

    const folder = await mkdtemp(join(tmpdir(), 'package-runs-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const made = await makePackage(arch, folder, { umask: '022', zone: 'UTC' });
    const programs = await unpackPackage(made.file, join(folder, 'root'));
    const node = [...words!, join(programs, 'node')];

    await using rig = await createRig({ peripherals: demoPeripherals(), addresses: ['0-20'] });
    const agent = rig.startAgent({ program: [...node, join(programs, 'hub-agent.cjs')] });
    await rig.untilReported('reported online', ({ online }) => online === true, PACKAGE_TIMEOUT_MS);
    await rig.claim();

    const info = await rig.run('server_info', {}, PACKAGE_TIMEOUT_MS);
    expect(info).toMatchObject({ status: 'SUCCEEDED', result: { host: { arch: NODE_NAMES[arch] } } });
    const nodes = await rig.run('get_nodes', { refresh: true }, PACKAGE_TIMEOUT_MS);
    expect(nodes).toMatchObject({ status: 'SUCCEEDED', result: { total: 3, scanComplete: true } });
    expect(await rig.run('set_wifi_credentials', { ssid: 'Back Office', credentials: 'correct-horse-battery' })).toMatchObject({
      status: 'FAILED',
      error: { code: 'wifi_unavailable' },
    });
    const ask = [...node, join(programs, 'hubctl.cjs'), '--socket', join(rig.folder, 'control.sock'), 'status', '--json'];
    const { stdout } = await promisify(execFile)(ask[0]!, ask.slice(1)).catch((error: { stdout: string }) => error);
    expect(JSON.parse(stdout)).toMatchObject({ identity: { hubId: rig.hubId }, cloud: { phase: 'connected' }, nodes: { total: 3 } });
    expect(await agent.stop()).toBe(0);
    expect(rig.reported().online).toBe(false);
  });
});
