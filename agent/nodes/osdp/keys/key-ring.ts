import { messageOf } from '../../../system/errors.ts';
import type { Log } from '../../../system/log.ts';
import type { Secret } from '../../../system/secret.ts';
import type { PdKey } from '../session/pd.ts';
import { DEFAULT_KEY } from '../session/secure-channel.ts';
import { type BaseKey, candidatesOf, fingerprintOf, isSameKey, type KeyRecord } from './key-record.ts';
import type { KeyStore } from './key-store.ts';

/** The keys of the PDs of one bus: those of the key file, and those that the agent gave to them itself. */
export interface KeyRing {
  /** Reads what is stored. @throws HubError `storage_failed` */
  load(): Promise<void>;
  /** The keys to try with a PD, in order; none: a session in clear. */
  candidates(address: number): readonly BaseKey[];
  /** A channel is proven under this key: the keys that it replaced are forgotten. Returns at once. */
  opened(address: number, key: BaseKey): void;
  /** Keeps these keys for a PD, in this order; null: the key file alone counts. Resolves when they are on the disk. @throws HubError `storage_failed` */
  keep(address: number, keys: readonly BaseKey[] | null): Promise<void>;
  /** What is kept for a PD; null: nothing. */
  kept(address: number): readonly BaseKey[] | null;
  /** The default key is tried with this PD as well, until it is set back. */
  setDefaultAllowed(address: number, allowed: boolean): void;
}

export interface KeyRingDeps {
  /** The key file: own keys by address, as 32 hex digits. */
  configured: ReadonlyMap<number, Secret>;
  allowDefaultKey: boolean;
  store: KeyStore;
  log: Log;
  /** Other keys are to be tried with this PD than before. */
  onChange(address: number): void;
}

/** A base key as a session takes it. */
export function pdKeyOf(key: BaseKey): PdKey {
  if (key === 'default') return { kind: 'default', bytes: () => DEFAULT_KEY };
  return { kind: 'own', bytes: () => Buffer.from(key.reveal(), 'hex') };
}

const isSameList = (a: readonly BaseKey[], b: readonly BaseKey[]) =>
  a.length === b.length && a.every((key, index) => isSameKey(key, b[index]!));

export function createKeyRing({ configured, allowDefaultKey, store, log, onChange }: KeyRingDeps): KeyRing {
  let records: ReadonlyMap<number, KeyRecord> = new Map();
  const defaultAllowed = new Set<number>();
  /** One write after the other: each holds all keys of the bus. */
  let writing: Promise<unknown> = Promise.resolve();

  const candidates = (address: number): readonly BaseKey[] => {
    const known = candidatesOf(records.get(address), configured.get(address), allowDefaultKey);
    return defaultAllowed.has(address) && !known.includes('default') ? [...known, 'default'] : known;
  };

  /** The default key, and the key of the key file, need no record: the configuration decides whether they are tried. */
  const isAsConfigured = (address: number, [only, ...others]: readonly BaseKey[]): boolean => {
    const own = configured.get(address);
    return only !== undefined && others.length === 0 && (only === 'default' || (own !== undefined && isSameKey(only, own)));
  };

  const keep = (address: number, keys: readonly BaseKey[] | null): Promise<void> => {
    const write = writing.then(async () => {
      const next = new Map(records);
      if (keys && !isAsConfigured(address, keys)) next.set(address, { keys, supersedes: fingerprintOf(configured.get(address)) });
      else next.delete(address);
      await store.save(next);
      const before = candidates(address);
      records = next;
      if (!isSameList(before, candidates(address))) onChange(address);
    });
    writing = write.catch(() => {});
    return write;
  };

  return {
    async load() {
      records = await store.load();
      for (const address of records.keys()) onChange(address);
    },

    candidates,
    keep,
    kept: (address) => records.get(address)?.keys ?? null,

    opened(address, key) {
      const record = records.get(address);
      const [first, ...others] = candidates(address);
      // Only proof of the first key shows that the others are superseded.
      if (!record || !first || others.length === 0 || !isSameKey(first, key) || defaultAllowed.has(address)) return;
      keep(address, [key]).catch((error: unknown) => {
        log.error({ event: 'osdp_keys_not_saved', address, reason: messageOf(error) }, 'superseded keys could not be removed');
      });
    },

    setDefaultAllowed(address, allowed) {
      const before = candidates(address);
      if (allowed) defaultAllowed.add(address);
      else defaultAllowed.delete(address);
      if (!isSameList(before, candidates(address))) onChange(address);
    },
  };
}
