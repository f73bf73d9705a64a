import type { ZigbeeNotice } from '../../../contract/zigbee.ts';
import type { Cancel, MonotonicClock, WallClock } from '../../../system/clock.ts';
import { HubError, messageOf } from '../../../system/errors.ts';
import type { Log } from '../../../system/log.ts';
import { ProcessFailure, type ZigbeeProcess } from '../process/process.ts';
import type { Stranger } from '../state/backup.ts';
import type { NetworkRecord } from '../state/network-record.ts';
import type { Vault } from '../state/vault.ts';
import { LIMITS, SAVE_MS, SAVE_SOON_MS } from './options.ts';

export interface KeeperDeps {
  bus: string;
  vault: Vault;
  process(): ZigbeeProcess | null;
  clock: MonotonicClock;
  wallClock: WallClock;
  log: Log;
  onStrangers(strangers: readonly Stranger[]): void;
}

/** Has the library save, and keeps copies of what it saved, while the network is up. */
export interface Keeper {
  /** The network is up: the record says so first, and nothing may join before. */
  settle(record: NetworkRecord): void;
  /** Whether the record of the network that is up is on the disk. */
  isSettled(): boolean;
  record(): NetworkRecord | null;
  /** Something was learnt that must not be lost. */
  soon(): void;
  left(address: string): void;
  joined(address: string): void;
  /** @throws HubError `bus_unavailable`, `storage_failed` */
  now(): Promise<NetworkRecord>;
  /** What stands of the last attempt. */
  notice(): ZigbeeNotice | null;
  /** The last backup was not kept: its frame counter jumped. */
  isDoubtful(): boolean;
  /** The network is down. */
  pause(): void;
  /** Resolves when nothing is being written. */
  idle(): Promise<void>;
}

const isOfDisk = (error: unknown) => !(error instanceof ProcessFailure) || error.code === 'disk';

/** The disk may have room again. Each attempt reads the whole memory of the stick: it is made ever more rarely. */
const AGAIN_MS = 10_000;
const LONGEST_AGAIN_MS = 600_000;

export function createKeeper({ bus, vault, process, clock, wallClock, log, onStrangers }: KeeperDeps): Keeper {
  const left = new Set<string>();
  let record: NetworkRecord | null = null;
  let isSettled = false;
  /** Counts the times that the network came up. */
  let run = 0;
  let notice: ZigbeeNotice | null = null;
  let isDoubtful = false;
  let againMs = AGAIN_MS;
  let cancel: Cancel = () => {};
  let dueMs = Number.POSITIVE_INFINITY;
  let work: Promise<unknown> = Promise.resolve();

  function schedule(delayMs: number): void {
    const atMs = clock.nowMs() + delayMs;
    if (atMs >= dueMs) return;
    cancel();
    dueMs = atMs;
    cancel = clock.schedule(delayMs, () => {
      dueMs = Number.POSITIVE_INFINITY;
      void now().catch(() => {});
    });
  }

  function again(): void {
    schedule(againMs);
    againMs = Math.min(againMs * 2, LONGEST_AGAIN_MS);
  }

  function failed(reason: string): void {
    if (notice?.code !== 'not_kept')
      log.error({ event: 'zigbee_not_kept', reason }, 'the Zigbee network could not be copied; the last good copy stays');
    notice = { code: 'not_kept', reason };
    again();
  }

  /** It is none of the disk, and may be as it should: said in the log alone. */
  function doubted(): void {
    if (!isDoubtful)
      log.warn(
        { event: 'zigbee_backup_doubtful' },
        'the frame counter of the backup jumped; it is kept when the next one goes on from there',
      );
    isDoubtful = true;
    again();
  }

  const down = () => new HubError('bus_unavailable', `the network of ${bus} is not up`);

  async function save(): Promise<NetworkRecord> {
    const own = record;
    /** The network went down meanwhile: what stands is the last good copy, and nothing is wrong. */
    const stand = () => {
      if (run !== current) throw down();
    };
    const current = run;
    if (!own) throw down();
    try {
      if (!isSettled) await vault.saveRecord(own);
      stand();
      isSettled = true;
      const library = process();
      if (!library) throw down();
      await library.request({ do: 'save' }, LIMITS.save);
      stand();
      const gone = new Set(left);
      const kept = await vault.keep(own, gone, wallClock.nowMs());
      stand();
      record = kept.record;
      for (const address of gone) left.delete(address);
      onStrangers(kept.strangers);
      if (kept.database === 'unusable' || kept.backup === 'unusable') failed(kept.missing.length > 0 ? 'devices are missing' : 'damaged');
      else {
        notice = null;
        if (kept.backup === 'doubtful') doubted();
        else [isDoubtful, againMs] = [false, AGAIN_MS];
      }
      return record;
    } catch (error) {
      if (run !== current) throw down();
      failed(messageOf(error));
      throw error instanceof HubError
        ? error
        : new HubError(isOfDisk(error) ? 'storage_failed' : 'bus_unavailable', messageOf(error), { cause: error });
    }
  }

  function now(): Promise<NetworkRecord> {
    const next = work.then(save);
    work = next.catch(() => {});
    schedule(SAVE_MS);
    return next;
  }

  return {
    settle(settled) {
      run += 1;
      record = settled;
      isSettled = false;
      void now().catch(() => {});
    },
    isSettled: () => isSettled,
    record: () => record,
    soon: () => schedule(SAVE_SOON_MS),
    left(address) {
      left.add(address);
      schedule(SAVE_SOON_MS);
    },
    joined: (address) => void left.delete(address),
    now,
    notice: () => notice,
    isDoubtful: () => isDoubtful,
    pause() {
      cancel();
      dueMs = Number.POSITIVE_INFINITY;
      run += 1;
      record = null;
      isSettled = false;
    },
    idle: async () => void (await work),
  };
}
