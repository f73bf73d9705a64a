import type { TLSSocket } from 'node:tls';
import type { MonotonicClock } from '../../system/clock.ts';
import { unguarded } from '../../system/guard.ts';
import { type MqttAnswer as Answer, createMqttSession, type MqttMessage } from '../../system/mqtt-session.ts';
import { within } from '../../system/timeout.ts';

/** How an operation ended, and how many milliseconds it took. */
export type MqttAnswer = (Exclude<Answer, { kind: 'done' }> | { kind: 'done'; ms: number }) | { kind: 'timeout' };

/** One MQTT session for a look: nothing of it is stored. */
export interface MqttProbe {
  connect(clientId: string, will?: MqttMessage): Promise<MqttAnswer>;
  subscribe(filter: string): Promise<MqttAnswer>;
  publish(topic: string, payload: string): Promise<MqttAnswer>;
  /** Another client came with our client id and has the session now; seen also between two operations. */
  isTakenOver(): boolean;
  /** Sends DISCONNECT and closes. */
  end(): void;
}

const ANSWER_TIMEOUT_MS = 4_000;
/** AWS IoT's shortest. */
const KEEP_ALIVE_SECONDS = 30;
/** DISCONNECT (MQTT 5, section 3.14.2.1). */
const NORMAL_DISCONNECTION = 0x00;
export const SESSION_TAKEN_OVER = 0x8e;

export function createMqttProbe(clock: MonotonicClock, socket: TLSSocket): MqttProbe {
  const session = createMqttSession(socket, unguarded);

  async function timed(work: () => Promise<Answer>): Promise<MqttAnswer> {
    const startMs = clock.nowMs();
    const answer = await within(clock, ANSWER_TIMEOUT_MS, work, () => ({ kind: 'timeout' as const }));
    return answer.kind === 'done' ? { kind: 'done', ms: Math.round((clock.nowMs() - startMs) * 10) / 10 } : answer;
  }

  return {
    connect: (clientId, will) => timed(() => session.connect({ clientId, keepAliveSeconds: KEEP_ALIVE_SECONDS, ...(will && { will }) })),
    subscribe: (filter) => timed(() => session.subscribe(filter)),
    publish: (topic, payload) => timed(() => session.publish({ topic, payload, retain: false })),
    isTakenOver: () => session.closed()?.reason === SESSION_TAKEN_OVER,
    end: () => void session.end(NORMAL_DISCONNECTION),
  };
}
