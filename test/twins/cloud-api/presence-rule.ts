import type { BrokerMessage } from '../iot-core/types.ts';
import { isObject } from './bodies.ts';
import type { IotBackend } from './types.ts';

/** Conflicts come from the hub's own reports; a hub that just went silent does not make many. */
const MAX_ATTEMPTS = 5;

/** What a later attempt may well be accepted with: a stale version, throttling, a failure of the service. */
const RETRIABLE = new Set([409, 429, 500]);

/** The cloud's rule on `hubs/+/presence`. */
export interface PresenceRule {
  start(): void;
  stop(): void;
}

function parse(payload: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * Copies an `offline` into the reported shadow, only while its session is the one reported: the will of an older session, which may
 * arrive after the next birth, changes nothing. A will's `at` is as old as its session, so `lastSeen` never moves backwards.
 */
export function createPresenceRule(iotCore: IotBackend): PresenceRule {
  let unsubscribe: (() => void) | null = null;

  function apply({ topic, payload }: BrokerMessage): void {
    const thingName = topic.split('/')[1];
    const message = parse(payload);
    if (!thingName || message?.state !== 'offline' || typeof message.session !== 'string') return;

    const shadow = iotCore.shadow(thingName);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const document = shadow.get();
      const reported = document?.state.reported;
      if (!document || reported?.session !== message.session || reported.online !== true) return;
      const seen = [reported.lastSeen, message.at].filter((time) => typeof time === 'number');
      const lastSeen = seen.length > 0 ? { lastSeen: Math.max(...seen) } : {};
      const result = shadow.update({ state: { reported: { online: false, ...lastSeen } }, version: document.version });
      if (result.ok || !RETRIABLE.has(result.code)) return;
    }
  }

  return {
    start() {
      unsubscribe ??= iotCore.onMessage('hubs/+/presence', apply);
    },
    stop() {
      unsubscribe?.();
      unsubscribe = null;
    },
  };
}
