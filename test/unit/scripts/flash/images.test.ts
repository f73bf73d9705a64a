import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { findDebugfs } from '../../../../scripts/flash/debugfs.ts';
import { openImageTarget } from '../../../../scripts/flash/image-target.ts';
import { MissingProgram, Refused } from '../../../../scripts/flash/problems.ts';
import { makeImage } from '../../../bench/flash/batch.ts';

const HUB_ID = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const FILES = [{ name: 'identity.json', mode: 0o640, data: Buffer.from('{}\n') }];
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

function hasPrograms(): boolean {
  try {
    execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin:/sbin; command -v debugfs && command -v mke2fs']);
    return true;
  } catch {
    return false;
  }
}

let folder: string;
let base: string;
let output: string;

beforeEach(async ({ skip }) => {
  skip(!hasPrograms(), 'e2fsprogs is not here');
  folder = await mkdtemp(join(tmpdir(), 'flash-images-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  base = join(folder, 'base.img');
  output = join(folder, 'out');
  await makeImage(base);
});

const open = async (debugfs?: string, offset = 0) =>
  openImageTarget({ output, base, offset, debugfs: debugfs ?? (await findDebugfs(process.env.PATH)) });

test('An image is its owner’s alone, from before the key is written into it, also where a killed run left one', async () => {
  const debugfs = await findDebugfs(process.env.PATH);
  await chmod(base, 0o644);
  // Notes the mode of the image at the moment of writing, then writes.
  const program = `#!/bin/sh\nfor image; do :; done\nstat -c %a "$image" >> "${folder}/modes"\nexec ${debugfs} "$@"\n`;
  await writeFile(join(folder, 'noting'), program, { mode: 0o755 });
  await mkdir(join(output, 'hubs'), { recursive: true, mode: 0o755 });
  await writeFile(join(output, 'hubs', `.${HUB_ID}.img.new`), 'half an image', { mode: 0o644 });

  const target = await open(join(folder, 'noting'));
  await rm(join(folder, 'modes'));
  await target.write(HUB_ID, FILES);
  const modes = (await readFile(join(folder, 'modes'), 'utf8')).trim().split('\n');
  expect(new Set(modes)).toEqual(new Set(['600']));
  expect(await modeOf(target.place(HUB_ID))).toBe('600');
  expect(await modeOf(join(output, 'hubs'))).toBe('700');
});

test('debugfs is found where Debian has it, whatever the PATH; without it, what to install is said', async () => {
  await mkdir(join(folder, 'sbin'));
  await writeFile(join(folder, 'sbin/debugfs'), '', { mode: 0o755 });
  expect(await findDebugfs('/nonexistent', [join(folder, 'sbin')])).toBe(join(folder, 'sbin/debugfs'));
  expect(await findDebugfs('/nonexistent')).toMatch(/sbin\/debugfs$/);
  const error = await findDebugfs(folder, []).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MissingProgram);
  expect((error as Error).message).toContain('install e2fsprogs');
});

test('An image without room is told in the words of debugfs', async () => {
  const target = await open();
  const large = { name: 'certificate.pem', mode: 0o644, data: Buffer.alloc(2_000_000, 7) };
  await expect(target.write(HUB_ID, [large])).rejects.toThrow(/certificate\.pem did not get .*\(debugfs: .*allocate block.*\)\. Check/);
});

test('A base that is no file system there is refused before the first hub', async () => {
  await expect(open(undefined, 4_096)).rejects.toThrow(
    /no ext2, ext3 or ext4 file system there \(debugfs: .*\)\. Check the file and --offset/,
  );
  await writeFile(base, Buffer.alloc(1_000_000, 7));
  await expect(open()).rejects.toBeInstanceOf(Refused);
});

test.each(['/var/lib/hub-agent/journal', '/etc/hub-agent/credentials-1'])('A base that has run as a hub (%s) is refused', async (path) => {
  const debugfs = await findDebugfs(process.env.PATH);
  const make = (commands: string[]) => execFileSync(debugfs, ['-w', '-f', '-', base], { input: `${commands.join('\n')}\n`, stdio: 'pipe' });
  make(['/var', '/var/lib', '/var/lib/hub-agent', '/etc', '/etc/hub-agent'].map((name) => `mkdir ${name}`));
  await open();
  make([`mkdir ${path}`]);
  await expect(open()).rejects.toThrow(/has run as a hub: .* Take a base image in which the agent was never started/);
});
