import { chown, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { becomeOwner, foreignOwner } from '../../../agent/system/become-owner.ts';

const SERVICE = 64_321;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-owner-'));
});
afterEach(() => rm(folder, { recursive: true }));

function fakeProcess(uid: number) {
  const calls: string[] = [];
  let now = uid;
  return {
    calls,
    geteuid: () => now,
    setgroups: (groups: readonly (string | number)[]) => void calls.push(`groups ${groups.length}`),
    setgid: (gid: number | string) => void calls.push(`gid ${gid}`),
    setuid(id: number | string) {
      calls.push(`uid ${id}`);
      now = Number(id);
    },
  };
}

// Only root can give a file away.
describe.runIf(process.getuid?.() === 0)('root and the folders of others', () => {
  test('becomes their owner, groups first', async () => {
    const state = join(folder, 'state');
    await mkdir(state);
    await chown(state, SERVICE, SERVICE);
    const fake = fakeProcess(0);
    await becomeOwner(state, fake);
    expect(fake.calls).toEqual(['groups 0', `gid ${SERVICE}`, `uid ${SERVICE}`]);
  });

  test('also for what does not exist yet, for a folder further up, and for a link', async () => {
    await chown(folder, SERVICE, SERVICE);
    await mkdir(join(folder, 'a'));
    await symlink('/etc', join(folder, 'link'));
    for (const path of [join(folder, 'none', 'deeper'), join(folder, 'a'), join(folder, 'link'), join(folder, 'link', 'passwd')]) {
      expect(await foreignOwner(path), path).toEqual({ uid: SERVICE, gid: SERVICE });
    }
  });

  test('a link of root into the folder of another is that folder', async () => {
    const state = join(folder, 'private');
    await mkdir(state);
    await chown(state, SERVICE, SERVICE);
    await symlink(state, join(folder, 'state'));
    expect(await foreignOwner(join(folder, 'state'))).toEqual({ uid: SERVICE, gid: SERVICE });
  });

  test('stays root where all is root’s', async () => {
    const fake = fakeProcess(0);
    await becomeOwner(folder, fake);
    expect(fake.calls).toEqual([]);
  });

  test('fails when the rights stay', async () => {
    await chown(folder, SERVICE, SERVICE);
    await expect(becomeOwner(folder, { ...fakeProcess(0), setuid: () => {} })).rejects.toThrow('given up');
  });
});

test('another user changes nothing', async () => {
  const fake = fakeProcess(1000);
  await becomeOwner(folder, fake);
  expect(fake.calls).toEqual([]);
});
