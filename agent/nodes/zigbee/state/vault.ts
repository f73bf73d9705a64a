import { basename, join } from 'node:path';
import type { Files } from '../../../system/files.ts';
import { DAMAGED, isDenied, isInTheWay } from '../../../system/records.ts';
import { createArchive } from './archive.ts';
import { type Backup, hasBackup, parseBackup, type Stranger } from './backup.ts';
import { type Database, isWhole, type Mended, mendDatabase, pairedIn, parseDatabase } from './database.ts';
import type { Decision, Evidence, Sight } from './decision.ts';
import { createCounterJudge } from './frame-counter.ts';
import { type NetworkRecord, parseRecord, recordText } from './network-record.ts';
import { otherNetworks } from './other-networks.ts';
import { isSameNetwork } from './parameters.ts';
import type { ZigbeePlaces } from './places.ts';

/** A database or a backup of the largest network, many times over. */
const MAX_BYTES = 8 * 1024 * 1024;
/** The library renames what a cut write left, with the time behind it; none of them is ever read. */
const LEFTOVERS = ['database.db.tmp', 'coordinator_backup.json.tmp'];

/** What lies on the disk, before a start. */
export type Stored = Omit<Evidence, 'adapter' | 'path' | 'stick'> & {
  database: Database | null;
  databaseCopy: Database | null;
  /** In the place of the database stands what is none: a link, a folder, a file of another owner or of a senseless size. */
  isDatabaseBlocked: boolean;
};

/** What became of an attempt to keep copies. `missing`: devices that the library lists no more although none of them left. */
export interface Kept {
  record: NetworkRecord;
  /** `doubtful`: its frame counter jumped, and the next backup decides. */
  backup: 'kept' | 'doubtful' | 'unusable' | 'none';
  database: 'kept' | 'unusable';
  missing: string[];
  /** Devices that the coordinator knows, and the library does not. */
  strangers: Stranger[];
}

/** Keeps a Zigbee network on the disk: every write is atomic and on the disk when it resolves. */
export interface Vault {
  /**
   * @throws what the file system throws: a disk that fails must not be taken for a network that was never formed, nor a file that may not be read
   *   (`EACCES`) for a damaged one, which is replaced. A copy that may not be read counts as damaged while what it is a copy of is sound.
   */
  read(): Promise<Stored>;
  saveRecord(record: NetworkRecord): Promise<void>;
  /** Puts the files in their places for the library. Answers what was put together of a damaged or older database. @throws as `read` */
  prepare(decision: Decision & { action: 'start' }, stored: Stored): Promise<Mended | null>;
  /** Puts everything of the network away, one network deep: all of it, or nothing. @throws what the file system throws */
  archive(): Promise<void>;
  /** Copies what the library has just saved, if it is sound and of this network. `left`: devices that left since the last time. @throws as `read` */
  keep(record: NetworkRecord, left: ReadonlySet<string>, nowMs: number): Promise<Kept>;
}

export function createVault({ files, places }: { files: Files; places: ZigbeePlaces }): Vault {
  /** With the bytes that were checked. */
  async function look<T>(path: string, parse: (data: Buffer) => T): Promise<Sight<T> & { data: Buffer | null }> {
    let data: Buffer | null;
    try {
      data = await files.read(path, { follow: false, maxBytes: MAX_BYTES });
    } catch (error) {
      if (isInTheWay(error) && !isDenied(error)) return { state: 'damaged', data: null };
      throw error;
    }
    if (data === null) return { state: 'absent', data };
    try {
      return { state: 'sound', value: parse(data), data };
    } catch {
      return { state: 'damaged', data };
    }
  }

  /** A copy is not needed while what it was made of is sound. */
  async function lookAtCopy<T>(path: string, parse: (data: Buffer) => T, isNeeded: boolean): Promise<Sight<T>> {
    try {
      return await look(path, parse);
    } catch (error) {
      if (isDenied(error) && !isNeeded) return { state: 'damaged' };
      throw error;
    }
  }

  const counters = createCounterJudge();
  const archive = createArchive({ files, places });
  const soundOf = <T>(found: Sight<T>): T | null => (found.state === 'sound' ? found.value : null);

  async function readRecord(): Promise<Sight<NetworkRecord>> {
    const first = await look(places.record, parseRecord);
    if (first.state === 'sound') return first;
    const second = await look(places.recordCopy, parseRecord);
    return second.state === 'absent' ? first : second;
  }

  /** Something else than a file may stand there. */
  async function write(path: string, data: string | Uint8Array): Promise<void> {
    try {
      await files.writeAtomic(path, data);
    } catch (error) {
      if (!isInTheWay(error)) throw error;
      await files.remove(path);
      await files.writeAtomic(path, data);
    }
  }

  async function saveRecord(record: NetworkRecord): Promise<void> {
    const text = recordText(record);
    await write(places.record, text);
    await write(places.recordCopy, text);
  }

  async function setAside(path: string): Promise<void> {
    const aside = join(places.folder, `${DAMAGED}${basename(path)}`);
    await files.remove(aside);
    await files.rename(path, aside);
  }

  const bytesOf = (path: string) => files.read(path, { follow: false, maxBytes: MAX_BYTES });

  return {
    saveRecord,

    async read() {
      await archive.resume();
      const [record, backup, live] = await Promise.all([
        readRecord(),
        look(places.backup, parseBackup),
        look(places.database, parseDatabase),
      ]);
      const database = soundOf(live);
      const [backupCopy, copy] = await Promise.all([
        lookAtCopy(places.backupCopy, parseBackup, backup.state !== 'sound'),
        lookAtCopy(places.databaseCopy, parseDatabase, database === null || !isWhole(database)),
      ]);
      const databaseCopy = soundOf(copy);
      const known = new Set([database, databaseCopy].flatMap((each) => (each ? pairedIn(each) : [])));
      const others = record.state === 'sound' ? [] : await otherNetworks(files, places);
      return {
        others,
        record,
        backup,
        backupCopy,
        database,
        databaseCopy,
        isDatabaseBlocked: live.state === 'damaged',
        knownDevices: known.size,
      };
    },

    async prepare({ record, backup, expects }, stored) {
      // A name that ends as a write in progress is not listed.
      const names = [...LEFTOVERS, ...(await files.list(places.folder)).filter((name) => LEFTOVERS.some((each) => name.startsWith(each)))];
      for (const name of names) await files.remove(join(places.folder, name));
      if (backup === 'copy') await write(places.backup, (await bytesOf(places.backupCopy))!);
      // One that is not of this network makes the library form another one, or refuse for good.
      else if (backup === null && stored.backup.state !== 'absent') {
        await setAside(places.backup);
      }
      const ofBackup = stored[backup === 'copy' ? 'backupCopy' : 'backup'];
      const devices = ofBackup.state === 'sound' && expects !== 'formed' && isSameNetwork(ofBackup.value, record) ? ofBackup.value : null;
      const mended = mendDatabase(stored.database, stored.databaseCopy, devices);
      if (mended) await write(places.database, mended.text);
      // The library would follow the link, or read it all.
      else if (stored.isDatabaseBlocked) await setAside(places.database);
      return mended;
    },

    async archive() {
      counters.reset();
      await archive.putAway();
    },

    async keep(record, left, nowMs) {
      const [database, backup, copy, backupCopy] = await Promise.all([
        look(places.database, parseDatabase),
        look(places.backup, parseBackup),
        look(places.databaseCopy, parseDatabase),
        look(places.backupCopy, parseBackup),
      ]);
      const live = soundOf(database);
      const isSound = live !== null && isWhole(live);
      const paired = new Set(live ? pairedIn(live) : []);
      const before = soundOf(copy);
      const missing = isSound && before ? pairedIn(before).filter((address) => !paired.has(address) && !left.has(address)) : [];
      const isKept = isSound && missing.length === 0;
      if (isKept) await write(places.databaseCopy, database.data!);
      const found: Backup | null = soundOf(backup);
      const older = soundOf(backupCopy);
      const kept = older !== null && isSameNetwork(older, record) ? older.frameCounter : null;
      // The counter of a network only rises: a stick that lost its memory must not replace what it could be restored from.
      const verdict = found !== null && isSameNetwork(found, record) ? counters.judge(found.frameCounter, kept) : 'older';
      const isOurs = found !== null && verdict === 'believed';
      if (isOurs) await write(places.backupCopy, backup.data!);
      const next: NetworkRecord = {
        ...record,
        ...(isOurs && { coordinator: found.coordinator }),
        ...(isKept && { devices: paired.size }),
        savedAt: isKept && (isOurs || !hasBackup(record.adapter)) ? nowMs : record.savedAt,
      };
      await saveRecord(next);
      const unkept = verdict === 'doubtful' ? 'doubtful' : 'unusable';
      const ofBackup = isOurs ? 'kept' : hasBackup(record.adapter) ? unkept : 'none';
      const strangers = isOurs && isKept ? found.devices.filter(({ address }) => !paired.has(address)) : [];
      return { record: next, backup: ofBackup, database: isKept ? 'kept' : 'unusable', missing, strangers };
    },
  };
}
