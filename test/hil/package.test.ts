import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { collectFiles, foreignBinaries } from '../../scripts/package/contents.ts';
import { readElf } from '../../scripts/package/elf.ts';
import { ARCHITECTURES, nodeRuntime } from '../../scripts/package/runtime.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CACHE = join(ROOT, '.cache/runtime');

describe.each(ARCHITECTURES)('The package for %s, from the build that is there', (arch) => {
  test('every binary inside is of its processor', async ({ skip }) => {
    const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    const dist = join(ROOT, 'dist', arch);
    const isThere = await Promise.all([stat(join(dist, 'hubctl.cjs')), stat(CACHE)]).then(
      () => true,
      () => false,
    );
    skip(!isThere, `npm run package -- --arch ${arch} was not run here`);
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
