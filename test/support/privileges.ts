import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * What the user who runs the tests may do here. It is tried, not concluded from the user's number: root in a container may often not mount,
 * and root's checkout may be closed to others. A test that needs what is not allowed is skipped, which is said once.
 */

const run = promisify(execFile);

/** The user that owns nothing. */
export const NOBODY = 65_534;

async function tried(what: string, attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch {
    process.stdout.write(`skipped: tests that need ${what}, which is not allowed here\n`);
    return false;
  }
}

/** To mount a file system in memory. */
export function canMount(): Promise<boolean> {
  return tried('to mount a file system', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'may-mount-'));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', folder]);
      await run('umount', [folder]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** To give a file to another user and group. */
export function canGiveAway(uid: number, gid: number): Promise<boolean> {
  return tried('to give files to another user', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'may-give-'));
    try {
      await chown(folder, uid, gid);
      await chown(folder, 0, 0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** To run this Node as another user who can read a file of the checkout, and what is beside it. */
export function canBecome(uid: number, file: string): Promise<boolean> {
  const code = 'require("fs").accessSync(process.argv[1]); require("fs").accessSync(require("os").tmpdir());';
  return tried(`to run the checkout as user ${uid}`, () => run(process.execPath, ['-e', code, file], { uid, gid: uid, cwd: '/' }));
}

/** To listen on a port of the system. */
export function canListen(port: number, host: string): Promise<boolean> {
  return tried(`to listen on port ${port}`, async () => {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    await new Promise((resolve) => server.close(resolve));
  });
}
