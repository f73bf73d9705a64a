import { join } from 'node:path';
import type { Entropy } from '../../system/entropy.ts';
import { messageOf } from '../../system/errors.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import type { Entry, IntakeName, Stage } from './entry.ts';

/**
 * The commands on disk, one file each, with the result that waits to be delivered. One file a command keeps a torn or damaged file from
 * touching any other command, and every write is the size of one command.
 */
export interface Journal {
  /** All readable entries, oldest first. What cannot be read is set aside (the last one is kept as `damaged-command`) and logged. */
  load(): Promise<Entry[]>;
  /** Writes one entry durably. @throws whatever the file system throws (a full disk). */
  write(entry: Entry): Promise<void>;
  /** Remembers, without room on the disk, that the command of an entry is answered. Never throws. */
  conclude(id: string): Promise<void>;
  /** Forgets an entry. Never throws: what stays is removed at the next start. */
  remove(id: string): Promise<void>;
  /** The hub's own random key for command ids, made at the first start. @throws when it can be neither read nor stored. */
  idKey(): Promise<Buffer>;
}

const STAGES: readonly string[] = ['seen', 'taken', 'finished', 'delivered'] satisfies Stage[];
const INTAKES: readonly string[] = ['shadow', 'executions'] satisfies IntakeName[];
/** In place of `.json`: whatever the record says, its command is answered. */
const DONE = '.done';
const FORMAT = 1;
const KEY_BYTES = 32;

/** What may be a file name of ours. Shadow ids and the UUIDs of AWS IoT Commands fit. */
const SAFE_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** True when a command with this id can be journaled. */
export function isSafeId(id: string): boolean {
  return SAFE_ID.test(id);
}

function parseEntry(data: Buffer): Entry {
  const { format, entry } = JSON.parse(data.toString('utf8')) as { format: unknown; entry: Entry };
  if (format !== FORMAT) throw new Error(`format ${String(format)}, this agent reads ${FORMAT}`);
  if (!isSafeId(entry.id) || !STAGES.includes(entry.stage) || !INTAKES.includes(entry.intake)) throw new Error('not a journal entry');
  if (typeof entry.command !== 'string' || typeof entry.receivedAt !== 'number') throw new Error('not a journal entry');
  if (entry.stage === 'finished' && typeof entry.outcome?.status !== 'string') throw new Error('finished without an outcome');
  return entry;
}

/** Never the parser's words: they quote what they stumble over. */
function reasonOf(error: unknown): string {
  return error instanceof SyntaxError ? 'not JSON' : messageOf(error);
}

/** The folder of a hub's journal; one file a command. */
export const journalFolder = (stateDirectory: string) => join(stateDirectory, 'commands');

export function createJournal(deps: { files: Files; directory: string; entropy: Entropy; log: Log }): Journal {
  const { files, directory, entropy, log } = deps;
  const entries = journalFolder(directory);
  const keyPath = join(directory, 'command-id.key');
  const damagedPath = join(directory, 'damaged-command');
  const pathOf = (id: string) => join(entries, `${id}.json`);
  const donePathOf = (id: string) => join(entries, `${id}${DONE}`);

  /** A hub with a broken disk still starts: the cloud's own view rules out a second run. */
  function unreadable(path: string, error: unknown): null {
    log.error({ event: 'journal_unreadable', path, reason: messageOf(error) }, 'a part of the journal cannot be read');
    return null;
  }

  return {
    async load() {
      const loaded: Entry[] = [];
      const names = await files.list(entries).catch((error: unknown) => unreadable(entries, error) ?? []);
      for (const name of names) {
        if (!name.endsWith('.json') && !name.endsWith(DONE)) continue;
        const path = join(entries, name);
        const data = await files.read(path).catch((error: unknown) => unreadable(path, error));
        if (data === null) continue;
        try {
          const entry = parseEntry(data);
          loaded.push(name.endsWith(DONE) ? { ...entry, stage: 'delivered', outcome: null, args: null } : entry);
        } catch (error) {
          log.error({ event: 'journal_entry_damaged', path, reason: reasonOf(error) }, 'a journal entry is damaged and set aside');
          await files.writeAtomic(damagedPath, data).catch(() => {});
          await files.remove(path).catch((reason: unknown) => unreadable(path, reason));
        }
      }
      return loaded.sort((a, b) => a.receivedAt - b.receivedAt);
    },

    async write(entry) {
      const kept = entry.repeatable ? entry : { ...entry, args: null };
      await files.writeAtomic(pathOf(entry.id), JSON.stringify({ format: FORMAT, entry: kept }));
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
      const stored = await files.read(keyPath);
      if (stored?.length === KEY_BYTES) return stored;
      if (stored) log.error({ event: 'command_id_key_damaged', path: keyPath }, 'the key for command ids is damaged, a new one is made');
      const key = entropy.bytes(KEY_BYTES);
      await files.writeAtomic(keyPath, key);
      return key;
    },
  };
}
