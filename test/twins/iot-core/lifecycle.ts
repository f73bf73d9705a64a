import type { Ending } from './reasons.ts';
import type { Timers } from './timers.ts';

/** The identity of one connection in lifecycle events. */
export interface LifecycleSession {
  clientId: string;
  sessionIdentifier: string;
  /** The certificate's id: SHA-256 in hex. */
  principalIdentifier: string;
  ipAddress: string;
  /** Counts a client id's connections; the events of one connection share it. */
  versionNumber: number;
}

/** How events are disturbed: late by up to `maxDelayMs` and, by this share, twice. */
export interface Disturbance {
  maxDelayMs: number;
  duplicateShare: number;
  random: () => number;
}

export interface LifecycleDeps {
  timers: Timers;
  nowMs(): number;
  publish(topic: string, payload: string): void;
  disturbance(): Disturbance | null;
}

/** Tells the cloud who comes and goes, as AWS does on `$aws/events/presence/…` ("Lifecycle events"). */
export interface Lifecycle {
  connected(session: LifecycleSession): void;
  disconnected(session: LifecycleSession, ending: Ending): void;
}

export function createLifecycle(deps: LifecycleDeps): Lifecycle {
  function emit(eventType: 'connected' | 'disconnected', session: LifecycleSession, extra: object): void {
    // AWS sends no lifecycle events for client ids that could not be part of a topic.
    if (/[#+]/.test(session.clientId)) return;
    const { clientId, sessionIdentifier, principalIdentifier, ipAddress, versionNumber } = session;
    const event = {
      clientId,
      timestamp: deps.nowMs(),
      eventType,
      ...extra,
      sessionIdentifier,
      principalIdentifier,
      ipAddress,
      versionNumber,
    };
    const payload = JSON.stringify(event);
    const send = () => deps.publish(`$aws/events/presence/${eventType}/${clientId}`, payload);
    const disturbance = deps.disturbance();
    if (!disturbance) {
      send();
      return;
    }
    const copies = disturbance.random() < disturbance.duplicateShare ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) deps.timers.schedule(disturbance.random() * disturbance.maxDelayMs, send);
  }

  return {
    connected: (session) => emit('connected', session, {}),
    disconnected(session, ending) {
      const clientInitiatedDisconnect = ending.reason === 'CLIENT_INITIATED_DISCONNECT';
      emit('disconnected', session, { clientInitiatedDisconnect, disconnectReason: ending.reason });
    },
  };
}
