import { existsSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Disk } from '../../../agent/updater/disk.ts';
import { createReleaseHub, filesOf, leftovers, manifestOf, type ReleaseHub, selectAll, unflushed } from './hub.ts';

const next = { 'hub-agent.cjs': 'agent next' };
const release = manifestOf(20, { ...filesOf('factory'), ...next });

/** A disk that has no room left from the call of that number on, for so many calls. What is written then stays as far as it came. */
function fullDisk(from: number, calls: number): Disk & { count(): number } {
  let count = 0;
  const isFull = () => count++ >= from && count <= from + calls;
  const refuse = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  return {
    ...unflushed,
    count: () => count,
    makeFolder: (path) => (isFull() ? refuse() : unflushed.makeFolder(path)),
    link: (one, other) => (isFull() ? refuse() : unflushed.link(one, other)),
    rename: (one, other) => (isFull() ? refuse() : unflushed.rename(one, other)),
    write(path, data, mode) {
      const full = isFull();
      unflushed.write(path, full ? data.slice(0, data.length >> 1) : data, mode);
      if (full) refuse();
    },
    copy(one, other, bytes, mode) {
      const full = isFull();
      const copied = unflushed.copy(one, other, bytes, mode);
      if (full) {
        truncateSync(other, bytes >> 1);
        refuse();
      }
      return copied;
    },
  };
}

/** What the updater did: its end, or the error that it goes on after in a minute. */
function outcome(hub: ReleaseHub, disk: Disk): string {
  try {
    hub.run(disk);
    return 'rests';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'broken';
  }
}

const RUNS: Record<string, { before(hub: ReleaseHub): void; runs: string; after: readonly string[] }> = {
  'a release is installed': {
    before: (hub) => hub.request(release, { files: next }),
    runs: '0 committed',
    after: ['0 committed', '20 trial'],
  },
  'a trial is committed': {
    before(hub) {
      hub.request(release, { files: next });
      hub.run();
      hub.select();
      hub.confirm(20, 'healthy');
    },
    runs: '20 trial',
    after: ['20 committed'],
  },
  'a trial is rolled back': {
    before(hub) {
      hub.request(release, { files: next });
      hub.run();
      hub.select();
      hub.confirm(20, 'no_cloud');
    },
    runs: '20 trial',
    after: ['0 committed'],
  },
};

test.each(Object.entries(RUNS))(
  'The disk is full at any call while %s: what ran runs on, and with room it comes to its end',
  (_, { before, runs, after }) => {
    const whole = createReleaseHub();
    before(whole);
    const counting = fullDisk(Number.POSITIVE_INFINITY, 0);
    whole.run(counting);
    expect(counting.count()).toBeGreaterThan(3);
    const cases = Array.from({ length: counting.count() }, (_unused, from) =>
      [1, Number.POSITIVE_INFINITY].map((calls) => ({ from, calls })),
    );
    const hubs = cases.flat().map(({ from, calls }) => {
      const hub = createReleaseHub();
      before(hub);
      return { hub, where: `call ${from}, for ${calls}`, end: outcome(hub, fullDisk(from, calls)) };
    });
    for (const { hub, where, end } of hubs) {
      expect(['rests', 'ENOSPC'], where).toContain(end);
      // No release is half there.
      const unfinished = readdirSync(hub.releases).filter((name) => /^\d+\.new$/.test(name));
      expect(unfinished, where).toEqual([]);
      expect(reasonsOf(hub), where).toEqual(expect.not.arrayContaining(['storage_failed']));
    }
    const waiting = hubs.filter(({ end }) => end === 'ENOSPC');
    selectAll(waiting.map(({ hub }) => hub));
    for (const { hub, where } of waiting) expect([runs, ...after], where).toContain(hub.chosen());
    for (const { hub } of hubs) hub.run();
    selectAll(hubs.map(({ hub }) => hub));
    for (const { hub, where } of hubs) {
      expect(hub.chosen(), where).toBe(reasonsOf(hub).includes('disk_full') ? '0 committed' : after.at(-1));
      expect(leftovers(hub), where).toEqual([]);
    }
  },
);

function reasonsOf(hub: ReleaseHub): (string | null)[] {
  if (!existsSync(join(hub.releases, 'state'))) return [];
  return hub.state().history.map(({ reason }) => reason);
}
