import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDeviceUse, holderIn } from '../../../../agent/system/linux/device-use.ts';

/** A locked port, one that another process waits for, a lock of another kind, and a device number above 255. */
const LOCKS = `1: FLOCK  ADVISORY  WRITE 812 00:05:94 0 EOF
1: -> FLOCK  ADVISORY  WRITE 900 00:05:94 0 EOF
2: OFDLCK ADVISORY  READ -1 00:05:95 100 100
3: POSIX  ADVISORY  WRITE 77 00:05:96 0 EOF
4: FLOCK  ADVISORY  READ 5 103:1ff:7 0 EOF
`;

test.each([
  ['the holder', { dev: 5n, ino: 94n }, undefined, 812],
  ['the holder, where only another one is left out', { dev: 5n, ino: 94n }, 900, 812],
  ['nobody but the one that is left out', { dev: 5n, ino: 94n }, 812, null],
  ['locks of records', { dev: 5n, ino: 95n }, undefined, null],
  ['locks of POSIX', { dev: 5n, ino: 96n }, undefined, null],
  ['another inode', { dev: 5n, ino: 9n }, undefined, null],
  ['the inode on another file system', { dev: 6n, ino: 94n }, undefined, null],
  ['a large device number', { dev: (0x103n << 8n) | 0xffn | (0x100n << 12n), ino: 7n }, undefined, 5],
])('a line of the kernel: %s', (_, file, except, holder) => {
  expect(holderIn(LOCKS, file, except)).toBe(holder);
});

/** A tmpfs (shm_overview(7)), as /dev is. Elsewhere, as on overlayfs and btrfs, stat(2) names another device than the kernel does in its list. */
const SHARED_MEMORY = '/dev/shm';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(SHARED_MEMORY, 'device-use-'));
  path = join(folder, 'port');
  await writeFile(path, '');
});
afterEach(() => rm(folder, { recursive: true }));

test('a lock of another process is found, and gone with it', async () => {
  const use = createDeviceUse();
  expect(await use.denial(path)).toBeNull();
  const holder = spawn('flock', ['--no-fork', '--nonblock', path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  expect(await use.lockHolder(path)).toBe(holder.pid);
  expect(await use.denial(path)).toBe('EBUSY');
  expect(await use.denial(path, holder.pid)).toBeNull();
  const gone = new Promise((resolve) => holder.once('exit', resolve));
  holder.stdin.end();
  await gone;
  expect(await use.denial(path)).toBeNull();
});

test('what is not there, is no device or cannot be seen is told by its code, or as not locked', async () => {
  const use = createDeviceUse();
  expect(await use.denial(join(folder, 'nothing'))).toBe('ENOENT');
  expect(await use.denial(folder)).toBe('EISDIR');
  expect(await use.lockHolder(join(folder, 'nothing'))).toBeNull();
  await promisify(execFile)('mkfifo', [join(folder, 'pipe')]);
  expect(await use.denial(join(folder, 'pipe'))).toBeNull();
  expect(await createDeviceUse(join(folder, 'no-locks')).lockHolder(path)).toBeNull();
});
