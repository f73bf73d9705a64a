import type { Secret } from '../../../system/secret.ts';
import type { Problem, StartResult } from '../machine/machine.ts';
import type { ZigbeeProcess } from '../process/process.ts';
import type { StickPort } from '../process/words.ts';
import type { Mended } from '../state/database.ts';
import { type Decision, decide, formerBus, type Permit, type StickSight } from '../state/decision.ts';
import type { NetworkRecord } from '../state/network-record.ts';
import { newParameters } from '../state/parameters.ts';
import type { ZigbeePlaces } from '../state/places.ts';
import { refusalText } from '../state/refusal.ts';
import type { Stored, Vault } from '../state/vault.ts';
import { LIMITS, type ZigbeeBusOptions } from './options.ts';

/** A start that may be made: everything is in its place. */
export interface Prepared {
  record: NetworkRecord;
  decision: Decision & { action: 'start' };
  mended: Mended | null;
}

/** What is known of the network before a start, also when it is refused. */
export interface Seen {
  record: NetworkRecord | null;
  devices: number;
}

export type Outcome = { seen: Seen } & ({ ok: true; prepared: Prepared } | { ok: false; problem: Problem });

/** The steps of a start: look at disk and stick, decide, put the files in their places, start the library. */
export interface Session {
  /** What the disk alone tells, without a stick and without the library. @throws what the file system throws */
  recall(): Promise<Seen>;
  /** @throws what the file system throws */
  prepare(process: ZigbeeProcess, permit: Permit): Promise<Outcome>;
  launch(process: ZigbeeProcess, prepared: Prepared): Promise<{ result: StartResult; coordinator: string; firmware: string | null }>;
}

export function createSession(options: ZigbeeBusOptions, vault: Vault, places: ZigbeePlaces): Session {
  const { id, path, adapter, baudRate, rtscts, channel, entropy } = options;
  const port: StickPort = { adapter, path, baudRate, rtscts };

  async function look(process: ZigbeeProcess, key: Secret | null, clear: boolean): Promise<StickSight> {
    // Only of Z-Stack it is known how to ask without changing anything.
    if (adapter !== 'zstack') return { kind: 'unknown' };
    const { state: kind, ...seen } = await process.request({ do: 'look', port, networkKey: key?.reveal() ?? null, clear }, LIMITS.look);
    return { kind, ...seen } as StickSight;
  }

  const keyOf = ({ record, backup, backupCopy }: Stored): Secret | null => {
    for (const each of [record, backup, backupCopy]) if (each.state === 'sound') return each.value.networkKey;
    return null;
  };

  async function form(): Promise<Prepared> {
    const network = newParameters(entropy, channel);
    const record: NetworkRecord = { ...network, stage: 'forming', adapter, coordinator: null, stick: path, devices: 0, savedAt: null };
    // On the disk before anything can use it.
    await vault.saveRecord(record);
    return { record, decision: { action: 'start', expects: 'formed', record, backup: null, clearStick: false, repairs: [] }, mended: null };
  }

  const seenIn = ({ record, knownDevices }: Stored): Seen => {
    const known = record.state === 'sound' ? record.value : null;
    return { record: known, devices: Math.max(knownDevices, known?.devices ?? 0) };
  };

  return {
    recall: async () => seenIn(await vault.read()),

    async prepare(process, permit) {
      const stored = await vault.read();
      const stick = await look(process, keyOf(stored), false);
      const evidence = { adapter, path, ...stored, stick };
      const decision = decide(evidence, permit);
      const seen = seenIn(stored);
      if (decision.action === 'refuse') {
        const { refusal } = decision;
        const former = refusal === 'renamed' ? formerBus(evidence) : undefined;
        // Whoever gives that network up has these to pair again.
        const devices = former?.record.devices ?? seen.devices;
        const message = refusalText(refusal, { bus: id, path, stick, formerBus: former?.bus ?? null, record: seen.record, devices });
        return { ok: false, seen: { ...seen, devices }, problem: { reason: 'network', message } };
      }
      if (decision.action === 'form') {
        if (decision.replaces) await vault.archive();
        const prepared = await form();
        return { ok: true, seen: { record: prepared.record, devices: 0 }, prepared };
      }
      if (decision.clearStick) await look(process, null, true);
      const mended = await vault.prepare(decision, stored);
      return { ok: true, seen: { ...seen, record: decision.record }, prepared: { record: decision.record, decision, mended } };
    },

    async launch(process, { record, decision }) {
      const { panId, extendedPanId, networkKey, channel: own } = record;
      const network = { panId, extendedPanId, networkKey: networkKey.reveal(), channel: own };
      const { database, databaseBackup, backup } = places;
      const limitMs = decision.expects === 'resumed' ? LIMITS.resume : LIMITS.form;
      // By itself: how long that takes depends on the hub, and says nothing of the stick.
      await process.request({ do: 'load' }, LIMITS.load);
      return process.request({ do: 'start', port, network, database, databaseBackup, backup }, limitMs);
    },
  };
}
