import { readdir, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf } from '../../agent/system/errors.ts';
import { makeFolders } from '../../agent/system/folders.ts';
import { readRegularFile } from '../../agent/system/regular-file.ts';
import { parseSealed, sealed } from '../../agent/system/seal.ts';
import { replaceFile } from './durable.ts';
import { claimOutput } from './output-folder.ts';

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

const SUFFIX = '.json';

const TEXTS = ['hubId', 'serial', 'digest', 'certificateFingerprint', 'publicKeyFingerprint', 'place'] as const;

/** @throws Error with the file and what to do when it is damaged: a hub must not be flashed twice, or left out, for what a bad disk says */
async function readHubRecord(path: string): Promise<HubRecord> {
  try {
    const record = parseSealed(await readRegularFile(path, { maxBytes: 64 * 1024 }));
    if (TEXTS.some((name) => typeof record[name] !== 'string') || typeof record.provisioned !== 'boolean') throw new Error('not a record');
    if (record.hubId !== basename(path, SUFFIX)) throw new Error('the record of another hub');
    const { thingName = record.hubId, ...rest } = record as unknown as Omit<HubRecord, 'thingName'> & { thingName?: string };
    // Older records do not tell it; the hub's id is what it is by default.
    return { ...rest, thingName } as HubRecord;
  } catch (error) {
    throw new Error(
      `${path} is damaged (${messageOf(error)}). Remove it if its hub has not left the station, and run again: the hub is then made anew.`,
    );
  }
}

/** Opens the memory of an output folder, which no other run then may use. @throws Error when one does. */
export async function openRecords(output: string): Promise<Records> {
  const release = await claimOutput(output);
  const folder = join(output, 'records');
  const records = new Map<string, HubRecord>();
  try {
    await makeFolders(folder, 0o755);
    for (const name of await readdir(folder)) {
      if (!name.endsWith(SUFFIX)) continue;
      const record = await readHubRecord(join(folder, name));
      records.set(record.hubId, record);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return {
    get: (hubId) => records.get(hubId),
    all: () => [...records.values()],
    async put(record) {
      await replaceFile(join(folder, `${record.hubId}.json`), `${JSON.stringify(sealed(record), null, 2)}\n`, 0o644);
      records.set(record.hubId, record);
    },
    async close() {
      // A run that was refused leaves nothing but its report.
      if (records.size === 0) await rmdir(folder).catch(() => {});
      await release();
    },
  };
}
