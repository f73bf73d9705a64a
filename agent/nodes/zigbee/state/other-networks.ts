import { basename, dirname, join } from 'node:path';
import type { Files } from '../../../system/files.ts';
import { type NetworkRecord, parseRecord } from './network-record.ts';
import type { ZigbeePlaces } from './places.ts';

/** The network of another bus of this hub, configured or not. */
export interface OtherNetwork {
  bus: string;
  record: NetworkRecord;
}

/** A hub has few sticks; a folder stays for each bus that was ever configured. */
const MAX_FOLDERS = 16;
const MAX_RECORD_BYTES = 64 * 1024;

/**
 * The networks that the other folders beside this bus's own hold, as far as they can be read: a bus that was given another id has its network there.
 * @throws what the file system throws when the folders cannot be listed
 */
export async function otherNetworks(files: Pick<Files, 'list' | 'read'>, { folder, record }: ZigbeePlaces): Promise<OtherNetwork[]> {
  const names = (await files.list(dirname(folder))).filter((name) => name !== basename(folder)).slice(0, MAX_FOLDERS);
  const found = await Promise.all(
    names.map(async (bus) => {
      try {
        const path = join(dirname(folder), bus, basename(record));
        const data = await files.read(path, { follow: false, maxBytes: MAX_RECORD_BYTES });
        return data === null ? [] : [{ bus, record: parseRecord(data) }];
      } catch {
        // One that is damaged is the business of its own bus.
        return [];
      }
    }),
  );
  return found.flat();
}
