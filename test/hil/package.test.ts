import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { collectFiles, foreignBinaries } from '../../scripts/package/contents.ts';
import { readElf } from '../../scripts/package/elf.ts';
import { ARCHITECTURES, nodeRuntime } from '../../scripts/package/runtime.ts';
import { makePackage, PACKAGE_TIMEOUT_MS } from './rig/packages.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CACHE = join(ROOT, '.cache/runtime');
/** Set to 1 it has what these tests need built and fetched, and nothing is skipped. */
const REQUIRED = process.env.HUB_REQUIRE_PACKAGE === '1';

describe.each(ARCHITECTURES)('The package for %s', (arch) => {
  test.runIf(REQUIRED)('made twice, in other surroundings: the same bytes', { timeout: 2 * PACKAGE_TIMEOUT_MS }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'package-twice-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const first = await makePackage(arch, join(folder, 'first'), { umask: '022', zone: 'UTC' });
    const second = await makePackage(arch, join(folder, 'second'), { umask: '027', zone: 'Asia/Tokyo' });
    expect(first.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect({ ...second, file: first.file }).toEqual(first);
    const bytes = await Promise.all([first, second].map(({ file }) => readFile(String(file))));
    expect(bytes[0]!.equals(bytes[1]!)).toBe(true);
  });

  test('every binary inside the build that is there is of its processor', async ({ skip }) => {
    const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    const dist = join(ROOT, 'dist', arch);
    const isThere = await Promise.all([stat(join(dist, 'hubctl.cjs')), stat(CACHE)]).then(
      () => true,
      () => false,
    );
    skip(!isThere && !REQUIRED, `npm run package -- --arch ${arch} was not run here`);
    const runtime = await nodeRuntime(arch, manifest.dependencies.node, CACHE);
    const files = await collectFiles({ root: ROOT, dist, node: runtime.binary, licences: 'text' });
    expect(foreignBinaries(files, arch)).toEqual([]);
    const binaries = files.flatMap(({ path, data }) => {
      const elf = readElf(data);
      return elf ? [`${path} ${elf.machine}`] : [];
    });
    expect(binaries.sort()).toEqual(
      ['native/aws-crt.node', 'native/serialport.node', 'node'].map((name) => `usr/lib/hub-agent/${name} ${arch}`),
    );
  });
});
