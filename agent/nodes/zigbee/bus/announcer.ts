import type { BusStatus } from '../../../contract/node.ts';
import type { Log } from '../../../system/log.ts';
import type { BusEvent } from '../../bus.ts';

/** Tells the listeners of the bus what happens on it. */
export interface Announcer {
  emit(event: BusEvent): void;
  /** The state as it is now; it is told and logged when it has changed. `devices`: how many are paired. */
  status(now: BusStatus, devices: number): void;
  /** Returns the unsubscriber. */
  onEvent(listener: (event: BusEvent) => void): () => void;
}

export function createAnnouncer({ path, log }: { path: string; log: Log }): Announcer {
  const listeners = new Set<(event: BusEvent) => void>();
  let told = '';

  const emit = (event: BusEvent) => {
    for (const listener of listeners) listener(event);
  };

  return {
    emit,
    status(now, devices) {
      const text = JSON.stringify(now);
      if (text === told) return;
      told = text;
      const { state, error } = now;
      if (error) log.warn({ event: 'bus_unavailable', reason: error.reason }, error.message);
      else if (state === 'up') log.info({ event: 'bus_up', path, devices }, 'the Zigbee network is up');
      emit({ kind: 'status', status: now });
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
