import type { Rekeyed } from '../../../contract/maintenance.ts';
import type { Entropy } from '../../../system/entropy.ts';
import { HubError, isHubError } from '../../../system/errors.ts';
import type { BusMaintenance } from '../../bus.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import { identify } from './identify.ts';
import { keyMover } from './move-keys.ts';
import type { OperationDeps } from './peripheral.ts';
import type { LineWork, OperationQueue } from './queue.ts';
import { rekey } from './rekey.ts';
import { setAddress } from './set-address.ts';

export interface MaintenanceDeps extends OperationDeps {
  operations: OperationQueue;
  ring: KeyRing;
  entropy: Entropy;
  /** Why the bus cannot be used now; null: it can. */
  unusable(): HubError | null;
  /** The rate of the line now, in bit/s. */
  baudRate(): number;
}

/** What root may do with the PDs of a bus: each as work on its line, between two poll cycles. */
export function createMaintenance(deps: MaintenanceDeps): BusMaintenance {
  const { bus, sessions, operations, ring, entropy, unusable, baudRate } = deps;
  /** Two of them would take each other's new keys for old ones. */
  let rekeying = false;

  const onLine = <T>(work: LineWork<T>, signal: AbortSignal): Promise<T> => {
    const closed = unusable();
    return closed ? Promise.reject(closed) : operations.add(work, signal);
  };

  const rekeyOne = async (address: number, defaultKey: boolean, isOneOfMany: boolean): Promise<Rekeyed> => {
    const begun = new AbortController().signal;
    const parts = { ...deps, random: (length: number) => entropy.bytes(length), onLine: <T>(work: LineWork<T>) => onLine(work, begun) };
    try {
      return { address, result: await rekey(parts, address, defaultKey) };
    } catch (error) {
      if (isOneOfMany && isHubError(error, 'node_silent')) return { address, result: 'silent' };
      throw error;
    }
  };

  return {
    identify: (address, seconds, signal) => onLine((line) => identify(deps, line, Number(address), seconds), signal),
    forget: (address) => sessions.forget(Number(address)),

    setAddress: (change, signal) =>
      onLine((line) => setAddress({ ...deps, baudRate: baudRate(), moveKeys: keyMover(ring) }, line, change), signal),

    async rekey({ address, defaultKey }, onDone, signal) {
      const closed = unusable();
      if (closed) throw closed;
      if (rekeying) throw new HubError('busy', `peripherals of ${bus} are being given new keys already`);
      rekeying = true;
      try {
        const asked = address === null ? sessions.addresses.filter((one) => sessions.pd(one).facts.available) : [address];
        const done: Rekeyed[] = [];
        for (const one of asked) {
          // Work that has begun runs to its end, with or without a waiting caller.
          if (signal.aborted) break;
          done.push(await rekeyOne(one, defaultKey, address === null));
          onDone(done.at(-1)!);
        }
        return done;
      } finally {
        rekeying = false;
      }
    },
  };
}
