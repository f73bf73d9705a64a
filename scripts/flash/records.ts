import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './durable.ts';
import { takeLock } from './lock.ts';

/** What is remembered of a hub that was flashed. Nothing in it is secret. */
export interface HubRecord {
  hubId: string;
  serial: string;
  thingName: string;
  /** Tells whether the manifest still means the same files. */
  digest: string;
  certificateFingerprint: string;
  publicKeyFingerprint: string;
  place: string;
  /** The API took the hub, or had it already. */
  provisioned: boolean;
}

/** The batch's memory: one file a hub, so that a crash costs at most the hub at hand. */
export interface Records {
  get(hubId: string): HubRecord | undefined;
  all(): HubRecord[];
  put(record: HubRecord): Promise<void>;
  /** Lets another run have the folder. */
  close(): Promise<void>;
}

const LOCK = 'lock';

/** Opens the memory of an output folder, which no other run then may use. @throws Error when one does. */
export async function openRecords(output: string): Promise<Records> {
  const folder = join(output, 'records');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const lockPath = join(output, LOCK);
  await takeLock(lockPath);
  const records = new Map<string, HubRecord>();
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json')) continue;
    const record = JSON.parse(await readFile(join(folder, name), 'utf8')) as Omit<HubRecord, 'thingName'> & { thingName?: string };
    // Older records do not tell it; the hub's id is what it is by default.
    records.set(record.hubId, { ...record, thingName: record.thingName ?? record.hubId });
  }
  return {
    get: (hubId) => records.get(hubId),
    all: () => [...records.values()],
    async put(record) {
      await replaceFile(join(folder, `${record.hubId}.json`), `${JSON.stringify(record, null, 2)}\n`, 0o644);
      records.set(record.hubId, record);
    },
    close: () => rm(lockPath, { force: true }),
  };
}
