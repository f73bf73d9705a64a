import type { Cancel } from '../../../agent/system/clock.ts';
import type { Message } from './message.ts';
import type { Timers } from './timers.ts';

/** A client's last will as its CONNECT gave it. */
export interface Will {
  message: Omit<Message, 'expiresAtMs'>;
  /** Seconds it waits for the client to come back. */
  delaySeconds: number;
  expirySeconds: number | null;
}

/** Publishes wills when their time has come. */
export interface Wills {
  /** The connection ended without a goodbye. The will waits for its delay, but not longer than the session lives. */
  due(clientId: string, will: Will, sessionExpirySeconds: number): void;
  /** The client is back with its session: a will that still waits is void (MQTT 5, 3.1.3.2.2). */
  cancel(clientId: string): void;
  /** The session ended: a will that still waits is published now. */
  flush(clientId: string): void;
}

export interface WillsDeps {
  timers: Timers;
  publish(will: Will): void;
  /** Milliseconds by which this client's wills are late on top of their delay, whatever the client does meanwhile. */
  lateMs(clientId: string): number;
  /** Whether this will is to be published twice. */
  duplicates(clientId: string): boolean;
}

export function createWills(deps: WillsDeps): Wills {
  const waiting = new Map<string, { will: Will; cancel: Cancel }>();

  function publish(clientId: string, will: Will): void {
    const copies = deps.duplicates(clientId) ? 2 : 1;
    const send = () => {
      for (let copy = 0; copy < copies; copy++) deps.publish(will);
    };
    const lateMs = deps.lateMs(clientId);
    if (lateMs > 0) deps.timers.schedule(lateMs, send);
    else send();
  }

  function take(clientId: string): Will | null {
    const entry = waiting.get(clientId);
    waiting.delete(clientId);
    entry?.cancel();
    return entry?.will ?? null;
  }

  return {
    due(clientId, will, sessionExpirySeconds) {
      const delaySeconds = Math.min(will.delaySeconds, sessionExpirySeconds);
      if (delaySeconds === 0) return publish(clientId, will);
      const cancel = deps.timers.schedule(delaySeconds * 1000, () => {
        waiting.delete(clientId);
        publish(clientId, will);
      });
      waiting.set(clientId, { will, cancel });
    },
    cancel(clientId) {
      take(clientId);
    },
    flush(clientId) {
      const will = take(clientId);
      if (will) publish(clientId, will);
    },
  };
}
