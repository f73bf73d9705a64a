import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

/** A way in which a file is damaged. Gives what has to be ended afterwards. */
export type Damage = (path: string) => Promise<(() => Promise<void>) | undefined>;

const replacedBy =
  (make: (path: string) => Promise<unknown>): Damage =>
  async (path) => {
    await rm(path, { recursive: true });
    await make(path);
    return undefined;
  };

async function listen(path: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

/** What can become of any file: by storage, by a slip of the hand, by somebody with the rights of the agent's user. */
export const DAMAGES: Readonly<Record<string, Damage>> = {
  'cut in the middle': async (path) => {
    await truncate(path, Math.floor((await readFile(path)).length / 2));
    return undefined;
  },
  'cut by its last byte': async (path) => {
    await truncate(path, (await readFile(path)).length - 1);
    return undefined;
  },
  empty: async (path) => {
    await truncate(path, 0);
    return undefined;
  },
  zeroed: async (path) => {
    await writeFile(path, Buffer.alloc((await readFile(path)).length));
    return undefined;
  },
  erased: async (path) => {
    await writeFile(path, Buffer.alloc((await readFile(path)).length, 0xff));
    return undefined;
  },
  'too large': async (path) => {
    await truncate(path, 5_000_000_000);
    return undefined;
  },
  'a directory': replacedBy(async (path) => {
    await mkdir(path);
    await writeFile(`${path}/inside`, 'x');
  }),
  'a FIFO': replacedBy(async (path) => {
    if (spawnSync('mkfifo', [path]).status !== 0) throw new Error('mkfifo failed');
  }),
  'a link to an endless device': replacedBy((path) => symlink('/dev/zero', path)),
  'a link into nothing': replacedBy((path) => symlink('nowhere', path)),
  'a link to itself': replacedBy((path) => symlink(path, path)),
  'a socket': async (path) => {
    await rm(path);
    const server = await listen(path);
    return () => new Promise((resolve) => server.close(() => resolve()));
  },
  'closed to its reader': async (path) => {
    await chmod(path, 0);
    return undefined;
  },
};

/** Flips one bit of a file. */
export async function flipBit(path: string, bit: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  await writeFile(path, bytes);
}
