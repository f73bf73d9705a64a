import {
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Disk } from '../../../agent/updater/disk.ts';

/** The power is gone: no call after this one does anything. */
export class PowerCut extends Error {}

/** Where the power goes: at the call of that number, counted from 0 over all that change something; in a write after so many bytes. */
export interface Cut {
  call: number;
  bytes?: number;
}

/** The real disk with a power supply in a test's hands. */
export interface LossyDisk extends Disk {
  /** Calls that changed something, or would have. */
  readonly calls: { what: string; path: string; bytes?: number }[];
  /** What the power took: every change of a folder that was not synced is undone, a file that was not synced is empty. */
  lose(): void;
}

const real = (path: string) => resolve(path);

/** Wraps a disk. `attic`: a folder on the same file system, for what may have to come back. */
export function createLossyDisk(disk: Disk, { cut, attic }: { cut: Cut | null; attic: string }): LossyDisk {
  mkdirSync(attic, { recursive: true });
  const calls: LossyDisk['calls'] = [];
  let undo: { folder: string; run(): void }[] = [];
  const unsynced = new Set<string>();
  let kept = 0;
  let dead = false;

  const guard = (what: string, path: string, bytes?: number): boolean => {
    if (dead) throw new PowerCut();
    const number = calls.push({ what, path, ...(bytes !== undefined && { bytes }) }) - 1;
    if (cut?.call !== number) return false;
    if (cut.bytes !== undefined && bytes !== undefined) return true;
    dead = true;
    throw new PowerCut();
  };
  const changed = (path: string, run: () => void) => undo.push({ folder: dirname(real(path)), run });
  const keep = (path: string): string | null => {
    if (!existsSync(path)) return null;
    const place = join(attic, String(kept++));
    if (lstatSync(path).isDirectory()) cpSync(path, place, { recursive: true });
    else linkSync(path, place);
    return place;
  };
  const made = (path: string) => changed(path, () => rmSync(path, { recursive: true, force: true }));
  const remove = (path: string) => {
    guard('remove', path);
    const before = keep(path);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) rmdirSync(path);
    else disk.remove(path);
    if (before !== null) changed(path, () => renameSync(before, path));
  };
  /** As `rm -r` does it: the power may go between any two names. */
  const removeTree = (path: string) => {
    const isFolder = lstatSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (isFolder) for (const name of readdirSync(path)) removeTree(join(path, name));
    remove(path);
  };

  return {
    calls,
    read: (path, maxBytes) => disk.read(path, maxBytes),
    list: (folder) => disk.list(folder),
    hash: (path, bytes) => disk.hash(path, bytes),
    makeFolder(path) {
      guard('makeFolder', path);
      disk.makeFolder(path);
      made(path);
    },
    write(path, data, mode) {
      const torn = guard('write', path, Buffer.byteLength(data));
      disk.write(path, torn ? data.slice(0, cut!.bytes) : data, mode);
      made(path);
      if (!torn) return;
      unsynced.add(real(path));
      dead = true;
      throw new PowerCut();
    },
    copy(from, to, bytes, mode) {
      const torn = guard('copy', to, bytes);
      const copied = disk.copy(from, to, bytes, mode);
      if (copied) made(to);
      if (!torn) return copied;
      truncateSync(to, Math.min(cut!.bytes!, bytes));
      unsynced.add(real(to));
      dead = true;
      throw new PowerCut();
    },
    link(from, to) {
      guard('link', to);
      disk.link(from, to);
      made(to);
    },
    rename(from, to) {
      guard('rename', to);
      const before = keep(to);
      disk.rename(from, to);
      changed(to, () => {
        renameSync(to, from);
        if (before !== null) renameSync(before, to);
      });
    },
    remove,
    removeTree,
    sync(path) {
      guard('sync', path);
      disk.sync(path);
      undo = undo.filter(({ folder }) => folder !== real(path));
    },
    lose() {
      for (const path of unsynced) if (existsSync(path)) writeFileSync(path, '');
      for (const { run } of undo.toReversed()) run();
      undo = [];
    },
  };
}
