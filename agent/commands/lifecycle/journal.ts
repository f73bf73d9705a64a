import { join } from 'node:path';
import { COMMAND_KEY_FILE, COMMANDS_FOLDER } from '../../state/layout.ts';
import type { Entropy } from '../../system/entropy.ts';
import { messageOf } from '../../system/errors.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { isInTheWay, keepDamaged, readRecord } from '../../system/records.ts';
import { sealed } from '../../system/seal.ts';
import { KEY_BYTES, keyRecord, parseKey } from './command-key.ts';
import { delivered, type Entry } from './entry.ts';
import { FORMAT, parseEntry } from './journal-entry.ts';

/**
 * The commands on disk, one file each, with the result that waits to be delivered. One file a command keeps a torn or damaged file from
 * touching any other command, and every write is the size of one command.
 */
export interface Journal {
  /** All readable entries, oldest first. What cannot be read is set aside (the last one is kept as `damaged-command`) and logged. */
  load(): Promise<Entry[]>;
  /** Writes one entry durably. @throws errors of the file system (a full disk). */
  write(entry: Entry): Promise<void>;
  /** Remembers, without room on the disk, that the command of an entry is answered. Never throws. */
  conclude(id: string): Promise<void>;
  /** Forgets an entry. Never throws: what stays is removed at the next start. */
  remove(id: string): Promise<void>;
  /** The hub's own random key for command ids, made at the first start. @throws when it can be neither read nor stored. */
  idKey(): Promise<Buffer>;
}

/** In place of `.json`: the command is answered, independent of the record. */
const DONE = '.done';
const RECORD = '.json';

/** More damaged entries than this are one fault of the disk: they are counted, not named, and removed without a copy of each. */
const MAX_FAULT_LINES = 8;

/** The folder of a hub's journal; one file a command. */
export const journalFolder = (stateDirectory: string) => join(stateDirectory, COMMANDS_FOLDER);

export function createJournal(deps: { files: Files; directory: string; entropy: Entropy; log: Log }): Journal {
  const { files, directory, entropy, log } = deps;
  const entries = journalFolder(directory);
  const keyPath = join(directory, COMMAND_KEY_FILE);
  const damagedPath = join(directory, 'damaged-command');
  const pathOf = (id: string) => join(entries, id + RECORD);
  const donePathOf = (id: string) => join(entries, id + DONE);

  /** Removes a damaged entry in the place of keeping it, and leaves the one that is kept. */
  const removing: Pick<Files, 'read' | 'rename' | 'remove'> = {
    read: (path, options) => files.read(path, options),
    rename: (from) => files.remove(from),
    remove: async () => {},
  };

  /** A hub with a broken disk still starts: the cloud's own view rules out a second run. */
  async function names(): Promise<string[]> {
    try {
      return await files.list(entries);
    } catch (error) {
      const keptAs = isInTheWay(error) ? await keepDamaged(files, entries) : null;
      log.error({ event: 'journal_unreadable', path: entries, reason: messageOf(error), keptAs }, 'the journal cannot be read');
      return [];
    }
  }

  async function read(name: string, deps: Parameters<typeof readRecord>[0]): Promise<Entry | null> {
    const suffix = name.endsWith(DONE) ? DONE : RECORD;
    const found = await readRecord(deps, {
      path: join(entries, name),
      parse: (data) => parseEntry(data, name.slice(0, -suffix.length)),
      event: 'journal_entry_damaged',
      means: 'a journal entry is damaged and set aside',
      keptAs: damagedPath,
    });
    if (found.state !== 'sound') return null;
    return suffix === DONE ? delivered(found.value) : found.value;
  }

  return {
    async load() {
      const loaded: Entry[] = [];
      let faults = 0;
      const error = (fields: object, text: string) => {
        faults += 1;
        if (faults <= MAX_FAULT_LINES) log.error(fields, text);
      };
      for (const name of await names()) {
        if (!name.endsWith(RECORD) && !name.endsWith(DONE)) continue;
        const entry = await read(name, { files: faults < MAX_FAULT_LINES ? files : removing, log: { error: error as Log['error'] } });
        if (entry) loaded.push(entry);
      }
      if (faults > MAX_FAULT_LINES) {
        log.error(
          { event: 'journal_entries_damaged', count: faults, named: MAX_FAULT_LINES, path: entries },
          'more of the journal is damaged',
        );
      }
      return loaded.sort((a, b) => a.receivedAt - b.receivedAt);
    },

    async write(entry) {
      const kept = entry.repeatable ? entry : { ...entry, args: null };
      await files.writeAtomic(pathOf(entry.id), JSON.stringify(sealed({ format: FORMAT, entry: kept })));
    },

    async conclude(id) {
      await files
        .rename(pathOf(id), donePathOf(id))
        .catch((error: unknown) => log.warn({ event: 'journal_conclude_failed', id, reason: messageOf(error) }, 'journal'));
    },

    async remove(id) {
      await Promise.all([files.remove(pathOf(id)), files.remove(donePathOf(id))]).catch((error: unknown) =>
        log.warn({ event: 'journal_remove_failed', id, reason: messageOf(error) }, 'journal'),
      );
    },

    async idKey() {
      const found = await readRecord(
        { files, log },
        { path: keyPath, parse: parseKey, event: 'command_id_key_damaged', means: 'the key for command ids is damaged, a new one is made' },
      );
      if (found.state === 'unreadable') throw new Error(`${keyPath} cannot be read`);
      if (found.state === 'sound' && found.value.isSealed) return found.value.key;
      const key = found.state === 'sound' ? found.value.key : entropy.bytes(KEY_BYTES);
      await files.writeAtomic(keyPath, keyRecord(key));
      return key;
    },
  };
}
