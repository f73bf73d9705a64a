import { MAX_OSDP_ADDRESS } from '../../../contract/osdp.ts';
import { HubError, messageOf } from '../../../system/errors.ts';
import type { Files } from '../../../system/files.ts';
import type { Log } from '../../../system/log.ts';
import { readRecord } from '../../../system/records.ts';
import { parsed, type Schema } from '../../../system/schema.ts';
import { parseSealed, sealed, unsealed } from '../../../system/seal.ts';
import { Secret } from '../../../system/secret.ts';
import type { BaseKey, KeyRecord } from './key-record.ts';

/** The keys that the agent gave to the PDs of one bus, on disk: private, sealed entry by entry. */
export interface KeyStore {
  /**
   * What was written last, by address. Damage is logged, and costs the damaged entries alone.
   * @throws HubError `storage_failed`: the disk failed; the keys may well be there
   */
  load(): Promise<Map<number, KeyRecord>>;
  /** Resolves when the keys are sure to be on the disk. @throws HubError `storage_failed` */
  save(records: ReadonlyMap<number, KeyRecord>): Promise<void>;
}

export interface KeyStoreDeps {
  path: string;
  files: Pick<Files, 'read' | 'writeAtomic' | 'rename' | 'remove'>;
  log: Log;
}

const FORMAT_VERSION = 1;
const PRIVATE_FILE = 0o600;
/** A key that is being replaced, the one before it, and one that was not proven before: with room for a later agent. */
const MAX_KEYS = 8;
const EVENT = 'osdp_keys_damaged';
const LOST = 'keys that the agent gave to peripherals were lost: those peripherals need a new key on site, unless the file is restored';

const ENTRY: Schema = {
  type: 'object',
  properties: {
    address: { type: 'integer', minimum: 0, maximum: MAX_OSDP_ADDRESS },
    keys: {
      type: 'array',
      items: { anyOf: [{ const: 'default' }, { type: 'string', pattern: /^[0-9a-fA-F]{32}$/ }] },
      minItems: 1,
      maxItems: MAX_KEYS,
    },
    supersedes: { type: ['string', 'null'], maxLength: 64 },
  },
  required: ['address', 'keys', 'supersedes'],
};
const FILE: Schema = {
  type: 'object',
  properties: { version: { const: FORMAT_VERSION }, entries: { type: 'array', maxItems: MAX_OSDP_ADDRESS + 1 } },
  required: ['version', 'entries'],
};

const parseFile = (data: Buffer) => parsed<{ entries: unknown[] }>(FILE, parseSealed(data), 'unknown format').entries;

function recordOf(value: unknown): [number, KeyRecord][] {
  try {
    type Entry = { address: number; keys: string[]; supersedes: string | null };
    const { address, keys, supersedes } = parsed<Entry>(ENTRY, unsealed(value), 'no keys');
    const read = (key: string): BaseKey => (key === 'default' ? key : new Secret(key));
    return [[address, { keys: keys.map(read), supersedes }]];
  } catch {
    return [];
  }
}

const written = (key: BaseKey) => (key === 'default' ? key : key.reveal());

export function createKeyStore({ path, files, log }: KeyStoreDeps): KeyStore {
  return {
    async load() {
      // Beside its place under a name of its own: a reset of the state alone must not take it.
      const found = await readRecord({ files, log }, { path, parse: parseFile, event: EVENT, means: LOST, keptAs: `${path}.damaged` });
      if (found.state === 'unreadable') throw new HubError('storage_failed', `the keys of the bus cannot be read from ${path}`);
      if (found.state !== 'sound') return new Map();
      const records = found.value.flatMap(recordOf);
      const lost = found.value.length - records.length;
      if (lost > 0) log.error({ event: EVENT, path, kept: records.length, lost, reason: 'damaged entries' }, LOST);
      return new Map(records);
    },

    async save(records) {
      const entries = [...records].map(([address, { keys, supersedes }]) => sealed({ address, keys: keys.map(written), supersedes }));
      try {
        await files.writeAtomic(path, `${JSON.stringify({ version: FORMAT_VERSION, entries })}\n`, PRIVATE_FILE);
      } catch (error) {
        throw new HubError('storage_failed', `the keys cannot be stored in ${path}: ${messageOf(error)}`, { cause: error });
      }
    },
  };
}

/** Nothing is kept, so that nothing is given. */
export const NO_KEY_STORE: KeyStore = {
  load: async () => new Map(),
  save: () => Promise.reject(new HubError('storage_failed', 'this bus keeps no keys')),
};
