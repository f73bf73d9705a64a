import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Reads below a root folder: `/` on a hub, a fixture tree in a test. What cannot be read is null; nothing throws. */
export interface HostTree {
  /** A small text file without the white space around it; null also when it is empty. */
  text(path: string): Promise<string | null>;
  /** Names in a folder, sorted; null when it cannot be listed. */
  names(path: string): Promise<string[] | null>;
  exists(path: string): Promise<boolean>;
  modifiedMs(path: string): Promise<number | null>;
}

/** The part of `node:os` that gives the same without /proc, which a service may be kept from seeing (ProcSubset=pid). */
export type KernelCalls = Pick<typeof import('node:os'), 'hostname' | 'release' | 'uptime' | 'totalmem' | 'loadavg' | 'networkInterfaces'>;

/** The kernel answers these from memory; a sensor below /sys may be at the end of a slow bus. */
const isInMemory = (path: string) => path.startsWith('proc/') || path.startsWith('sys/class/net');

/** The real tree below `root`. */
export function createHostTree(root: string): HostTree {
  /** Reading at once what is in memory halves the time and the processor time of a report, which `server_info` waits for (2.0 to 1.0 ms, measured). */
  const read = async <T>(path: string, now: (full: string) => T, later: (full: string) => Promise<T>): Promise<T | null> => {
    const full = join(root, path);
    try {
      return isInMemory(path) ? now(full) : await later(full);
    } catch {
      return null;
    }
  };
  const modified = (path: string) =>
    read(
      path,
      (full) => statSync(full, { throwIfNoEntry: false })?.mtimeMs ?? null,
      async (full) => (await stat(full)).mtimeMs,
    );
  return {
    async text(path) {
      const found = await read(
        path,
        (full) => readFileSync(full, 'utf8'),
        (full) => readFile(full, 'utf8'),
      );
      return found?.trim() || null;
    },
    names: async (path) => (await read(path, readdirSync as (full: string) => string[], (full) => readdir(full)))?.sort() ?? null,
    exists: async (path) => (await modified(path)) !== null,
    modifiedMs: modified,
  };
}

/** `read()`, or null when it throws or gives a number that is none. */
export function orNull<T>(read: () => T): T | null {
  try {
    const value = read();
    return typeof value === 'number' && !Number.isFinite(value) ? null : value;
  } catch {
    return null;
  }
}

/** A number in a text, or null. */
export function numberIn(text: string | null | undefined): number | null {
  return text && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : null;
}

/** Values of os-release(5): shell assignments with optional quotes and backslash escapes. */
export function parseOsRelease(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, double, single, plain] = /^\s*([A-Z0-9_]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S*))\s*$/.exec(line) ?? [];
    if (key) values.set(key, double?.replace(/\\(.)/g, '$1') ?? single ?? plain ?? '');
  }
  return values;
}

/** One value of /proc/meminfo, in bytes. */
export function memoryBytes(meminfo: string | null, name: string): number | null {
  const kibibytes = numberIn(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo ?? '')?.[1]);
  return kibibytes === null ? null : kibibytes * 1024;
}

/** Size and free space of the file system that holds `path`. */
export async function diskOf(path: string): Promise<{ totalBytes: number | null; availableBytes: number | null }> {
  try {
    const { bsize, blocks, bavail } = await statfs(path);
    return { totalBytes: bsize * blocks, availableBytes: bsize * bavail };
  } catch {
    return { totalBytes: null, availableBytes: null };
  }
}
