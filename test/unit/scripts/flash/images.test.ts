import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { imageTarget } from '../../../../scripts/flash/targets.ts';
import { makeImage } from '../../../bench/flash/batch.ts';

const HUB_ID = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const FILES = [{ name: 'identity.json', mode: 0o640, data: Buffer.from('{}\n') }];
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

function whereIs(program: string): string | null {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

test('An image is its owner’s alone, from before the key is written into it, also where a killed run left one', async ({ skip }) => {
  const debugfs = whereIs('debugfs');
  if (!debugfs || !whereIs('mke2fs')) return skip('e2fsprogs is not here');
  const folder = await mkdtemp(join(tmpdir(), 'flash-images-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const base = join(folder, 'base.img');
  await makeImage(base);
  await chmod(base, 0o644);
  // Notes the mode of the image at the moment of writing, then writes.
  const program = `#!/bin/sh\nfor image; do :; done\nstat -c %a "$image" >> ${folder}/modes\nexec ${debugfs} "$@"\n`;
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/debugfs'), program, { mode: 0o755 });
  vi.stubEnv('PATH', [join(folder, 'bin'), process.env.PATH].join(delimiter));
  onTestFinished(() => void vi.unstubAllEnvs());
  const output = join(folder, 'out');
  await mkdir(join(output, 'hubs'), { recursive: true, mode: 0o755 });
  await writeFile(join(output, 'hubs', `.${HUB_ID}.img.new`), 'half an image', { mode: 0o644 });

  const target = imageTarget(output, base, 0);
  await target.write(HUB_ID, FILES);
  const modes = (await readFile(join(folder, 'modes'), 'utf8')).trim().split('\n');
  expect(new Set(modes)).toEqual(new Set(['600']));
  expect(await modeOf(target.place(HUB_ID))).toBe('600');
  expect(await modeOf(join(output, 'hubs'))).toBe('700');
});
