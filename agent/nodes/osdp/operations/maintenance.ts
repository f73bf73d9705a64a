import type { HubError } from '../../../system/errors.ts';
import type { BusMaintenance } from '../../bus.ts';
import { identify } from './identify.ts';
import type { OperationDeps } from './peripheral.ts';
import type { LineWork, OperationQueue } from './queue.ts';
import { setAddress } from './set-address.ts';

export interface MaintenanceDeps extends OperationDeps {
  operations: OperationQueue;
  /** Why the bus cannot be used now; null: it can. */
  unusable(): HubError | null;
  /** The rate of the line now, in bit/s. */
  baudRate(): number;
}

/** What root may do with the PDs of a bus: each as work on its line, between two poll cycles. */
export function createMaintenance(deps: MaintenanceDeps): BusMaintenance {
  const { sessions, operations, unusable, baudRate } = deps;

  const onLine = <T>(signal: AbortSignal, work: LineWork<T>): Promise<T> => {
    const closed = unusable();
    return closed ? Promise.reject(closed) : operations.add(work, signal);
  };

  return {
    identify: (address, seconds, signal) => onLine(signal, (line) => identify(deps, line, Number(address), seconds)),
    forget: (address) => sessions.forget(Number(address)),
    setAddress: (change, signal) => onLine(signal, (line) => setAddress({ ...deps, baudRate: baudRate(), moveKeys }, line, change)),
  };
}

const moveKeys = async () => async () => {};
