import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A hub's id, as the manifest has it. */
const ID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
/** Behind the name of a file that `Files.writeAtomic` writes (`agent/system/files.ts`). */
const HALF_WRITTEN = '\\.[0-9a-f]{12}\\.tmp';
const exactly = (pattern: string) => new RegExp(`^${pattern}$`);

interface Leftover {
  folder: string;
  name: RegExp;
  kind: 'file' | 'folder';
}

/** Names that only a run of this program gives: half-written files, and places where a hub is put together. They may hold keys. */
const LEFTOVERS: readonly Leftover[] = [
  { folder: '', name: exactly(`report\\.json${HALF_WRITTEN}`), kind: 'file' },
  { folder: 'records', name: exactly(`${ID}\\.json${HALF_WRITTEN}`), kind: 'file' },
  { folder: 'provision', name: exactly(`${ID}\\.json${HALF_WRITTEN}`), kind: 'file' },
  { folder: 'hubs', name: exactly(`\\.${ID}\\.new`), kind: 'folder' },
  { folder: 'hubs', name: exactly(`\\.${ID}\\.img\\.new`), kind: 'file' },
  { folder: 'hubs', name: exactly(`\\.${ID}\\.files`), kind: 'folder' },
];
const OF_REQUESTS = exactly(`(?:private-key\\.pem|request\\.csr)${HALF_WRITTEN}`);

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function remove(output: string, { folder, name, kind }: Leftover): Promise<void> {
  for (const each of (await names(join(output, folder))).filter((one) => name.test(one))) {
    const path = join(output, folder, each);
    const found = await lstat(path).catch(() => null);
    if (kind === 'file' ? found?.isFile() : found?.isDirectory()) await rm(path, { recursive: true, force: true });
  }
}

/** Removes what a run that was killed left in its output folder, and nothing else. Only while this run has the folder to itself (`takeLock`). */
export async function removeLeftovers(output: string): Promise<void> {
  for (const each of LEFTOVERS) await remove(output, each);
  const requests = (await names(join(output, 'requests'))).filter((name) => exactly(ID).test(name));
  for (const hubId of requests) await remove(output, { folder: join('requests', hubId), name: OF_REQUESTS, kind: 'file' });
}
