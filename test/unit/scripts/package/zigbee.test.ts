import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { foreignBinaries } from '../../../../scripts/package/contents.ts';
import { zigbeeFiles } from '../../../../scripts/package/zigbee.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const made = (arch: 'amd64' | 'arm64') => zigbeeFiles({ root: ROOT, arch, version: '1.2.3-1', dateSeconds: 1_700_000_000 });

test.each(['amd64', 'arm64'] as const)(
  'the add-on has the library and one native module, of its own processor, and tells its licences (%s)',
  async (arch) => {
    const files = await made(arch);
    const text = (path: string) => files.find((each) => each.path === path)!.data.toString('utf8');
    expect(files.filter(({ path }) => path.endsWith('.node'))).toHaveLength(1);
    expect(foreignBinaries(files, arch)).toEqual([]);
    expect(files.filter(({ path }) => /\.(map|ts|md)$/.test(path))).toEqual([]);
    expect(files.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(8_000_000);
    const copyright = text('usr/share/doc/hub-agent-zigbee/copyright');
    expect(copyright).toContain('GNU GENERAL PUBLIC LICENSE');
    expect(copyright).toContain('zigbee-on-host 0.3.0 (GPL-3.0-or-later)');
    const bom = JSON.parse(text('usr/share/doc/hub-agent-zigbee/sbom.cdx.json')) as { components: { name: string; licenses: unknown }[] };
    expect(bom.components.find(({ name }) => name === 'zigbee-on-host')?.licenses).toEqual([{ expression: 'GPL-3.0-or-later' }]);
    // Where no update of the agent looks.
    expect(files.filter(({ path }) => path.startsWith('usr/lib/hub-agent/'))).toEqual([]);
    expect(text('usr/lib/systemd/system/hub-agent.service.d/zigbee.conf')).toContain('TasksMax=');
  },
);

test('the same sources give the same bytes', async () => {
  expect(await made('amd64')).toEqual(await made('amd64'));
});

test('the library is loaded from what the add-on has, and from nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zigbee-add-on-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const { path, data } of await made(process.arch === 'arm64' ? 'arm64' : 'amd64')) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data);
  }
  const require = createRequire(join(folder, 'usr/lib/hub-agent-zigbee/node_modules/'));
  expect(require.resolve('zigbee-herdsman').startsWith(folder)).toBe(true);
  expect(require('zigbee-herdsman')).toHaveProperty('Controller');
  expect((require('@serialport/bindings-cpp') as { autoDetect(): unknown }).autoDetect()).toHaveProperty('open');
});
