import type { Files } from '../../agent/system/files.ts';

/** Files in memory, on a disk in a test's hands. */
export interface MemoryFiles extends Files {
  readonly content: Map<string, Buffer>;
  /** Every write that was asked for, whether it worked or not. */
  readonly writes: { path: string; data: Buffer }[];
  /** No more room: writes fail and leave what was there. */
  full: boolean;
  /** Nothing can be read or listed. */
  broken: boolean;
  /** Files of another user: they cannot be read. A write replaces them, as in a folder of one's own. */
  readonly denied: Set<string>;
  /** The power goes in the midst of this write, counted from 0, when so many bytes of the new content are on disk; the old content is lost. */
  cut: { write: number; bytes: number } | null;
  /** True from the cut on: nothing reaches the disk any more, and no call returns. */
  readonly dead: boolean;
}

/** A disk whose writes are whole unless the power goes in the midst of one. */
export function createMemoryFiles(content = new Map<string, Buffer>()): MemoryFiles {
  let dead = false;
  const never = <T>() => new Promise<T>(() => {});
  const files: MemoryFiles = {
    content,
    writes: [],
    full: false,
    broken: false,
    denied: new Set(),
    cut: null,
    get dead() {
      return dead;
    },
    async read(path) {
      if (files.broken) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      if (files.denied.has(path)) throw Object.assign(new Error(`EACCES: permission denied, open '${path}'`), { code: 'EACCES', path });
      return content.get(path) ?? null;
    },
    async writeAtomic(path, data) {
      if (dead) return never();
      const bytes = Buffer.from(data as Uint8Array);
      const number = files.writes.push({ path, data: bytes }) - 1;
      if (files.cut?.write === number) {
        dead = true;
        content.set(path, bytes.subarray(0, files.cut.bytes));
        return never();
      }
      if (files.full) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      content.set(path, bytes);
      files.denied.delete(path);
    },
    async list(directory) {
      if (files.broken) throw Object.assign(new Error('EIO: i/o error, scandir'), { code: 'EIO' });
      const inside = [...content.keys()].filter((path) => path.startsWith(`${directory}/`));
      return [...new Set(inside.map((path) => path.slice(directory.length + 1).split('/')[0]!))];
    },
    async remove(path) {
      if (dead) return never();
      for (const name of content.keys()) if (name === path || name.startsWith(`${path}/`)) content.delete(name);
    },
    async rename(from, to) {
      if (dead) return never();
      for (const [name, data] of [...content]) {
        if (name !== from && !name.startsWith(`${from}/`)) continue;
        content.delete(name);
        content.set(to + name.slice(from.length), data);
      }
    },
    removeTorn: async () => [],
  };
  return files;
}
