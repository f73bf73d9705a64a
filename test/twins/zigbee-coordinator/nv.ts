import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Names an item: its number in the OSAL NV, or `item/sub` in the extended NV of Z-Stack 3.x.0 (system 1). */
export type NvKey = string;

export const osal = (id: number): NvKey => `osal/${id.toString(16)}`;
export const extended = (item: number, sub: number): NvKey => `ex/${item.toString(16)}/${sub.toString(16)}`;

/** The non-volatile memory of the stick, in a file: it survives the process, as flash does. */
export interface Nv {
  get(key: NvKey): Buffer | null;
  set(key: NvKey, value: Uint8Array): void;
  delete(key: NvKey): void;
  /** Forgets everything. */
  erase(): void;
}

/** Opens the file; a missing one is an erased memory. */
export function openNv(path: string): Nv {
  const items = new Map<NvKey, Buffer>();
  try {
    const stored = JSON.parse(readFileSync(path, 'utf8')) as Record<NvKey, string>;
    for (const [key, value] of Object.entries(stored)) items.set(key, Buffer.from(value, 'hex'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }

  function save(): void {
    const text = JSON.stringify(Object.fromEntries([...items].map(([key, value]) => [key, value.toString('hex')])));
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  return {
    get(key) {
      const value = items.get(key);
      return value ? Buffer.from(value) : null;
    },
    set(key, value) {
      if (items.get(key)?.equals(value)) return;
      items.set(key, Buffer.from(value));
      save();
    },
    delete(key) {
      if (items.delete(key)) save();
    },
    erase() {
      items.clear();
      save();
    },
  };
}
