import type { Cancel } from '../../../agent/system/clock.ts';
import type { Air } from './air.ts';
import { concat, u8, u16 } from './bytes.ts';
import type { Cluster } from './cluster.ts';
import { encodeValue, isAnalogue, type ZclValue } from './zcl.ts';

/** Sends reports of attributes as a host configured them (ZCL, section 2.5.11). */
export interface Reporter {
  /** A value or a configuration is new. */
  changed(cluster: Cluster, attribute: number): void;
  stop(): void;
}

interface Sent {
  atMs: number;
  value: ZclValue;
  next: Cancel;
}

/** `send`: puts a report on the air to where the cluster is bound. `secondMs`: how long a second of the ZCL lasts. */
export function createReporter(air: Air, secondMs: number, send: (cluster: Cluster, payload: Buffer) => void): Reporter {
  const states = new Map<string, Sent>();

  function report(key: string, cluster: Cluster, id: number): void {
    const [attribute, reporting] = [cluster.attributes.get(id), cluster.reporting.get(id)];
    states.get(key)?.next();
    if (!attribute || !reporting) {
      states.delete(key);
      return;
    }
    send(cluster, concat(u16(id), u8(attribute.type), encodeValue(attribute.type, attribute.value)));
    const { maxSeconds } = reporting;
    const next = maxSeconds === 0 ? () => {} : air.after(maxSeconds * secondMs, () => report(key, cluster, id));
    states.set(key, { atMs: air.clock.nowMs(), value: attribute.value, next });
  }

  return {
    changed(cluster, id) {
      const key = `${cluster.id}/${id}`;
      const [attribute, reporting, state] = [cluster.attributes.get(id), cluster.reporting.get(id), states.get(key)];
      if (!attribute || !reporting) {
        state?.next();
        states.delete(key);
        return;
      }
      if (!state) {
        // The clock of a new configuration starts now; what is told first is a change, or the longest interval.
        const next = reporting.maxSeconds === 0 ? () => {} : air.after(reporting.maxSeconds * secondMs, () => report(key, cluster, id));
        states.set(key, { atMs: Number.NEGATIVE_INFINITY, value: attribute.value, next });
        return;
      }
      const enough = isAnalogue(attribute.type)
        ? Math.abs(Number(attribute.value) - Number(state.value)) >= Math.max(1, reporting.change)
        : attribute.value !== state.value;
      if (!enough) return;
      const waitMs = state.atMs + reporting.minSeconds * secondMs - air.clock.nowMs();
      state.next();
      state.next = air.after(Math.max(0, waitMs), () => report(key, cluster, id));
    },
    stop() {
      for (const { next } of states.values()) next();
      states.clear();
    },
  };
}
