import type { Packet } from 'mqtt-packet';
import type { IotCore, WirePacket } from '../../../../test/twins/iot-core/types.ts';
import type { Masker } from '../mask.ts';
import type { EventBody } from '../model/events.ts';

/** Of a payload, in characters. */
const MAX_TEXT = 1_200;
const MAX_RESULT_TEXT = 6_000;
/** PUBLISH packets whose PUBACK is waited for; AWS allows 100 in flight. */
const MAX_PENDING = 256;

export interface CloudTapDeps {
  iotCore: IotCore;
  hubId: string;
  mask: Masker;
  emit(body: EventBody): void;
  /** Milliseconds that only grow. */
  nowMs(): number;
}

/** Turns what passes the virtual IoT Core into events: packets of the hub's connection, its presence, its shadow, its results. Returns how it ends. */
export function tapCloud({ iotCore, hubId, mask, emit, nowMs }: CloudTapDeps): () => void {
  const pending = new Map<string, number>();

  function answeredMs(direction: WirePacket['direction'], { cmd, messageId }: Packet): number | undefined {
    if (messageId === undefined) return undefined;
    if (cmd === 'publish') {
      pending.set(`${direction}${messageId}`, nowMs());
      for (const oldest of pending.keys()) if (pending.size > MAX_PENDING) pending.delete(oldest);
    }
    if (cmd !== 'puback') return undefined;
    const asked = `${direction === 'up' ? 'down' : 'up'}${messageId}`;
    const since = pending.get(asked);
    pending.delete(asked);
    return since === undefined ? undefined : Math.round((nowMs() - since) * 10) / 10;
  }

  const ends = [
    iotCore.onPacket(({ clientId, direction, packet, bytes }) => {
      if (clientId !== hubId) return;
      const answered = answeredMs(direction, packet);
      emit({
        kind: 'packet',
        direction,
        type: packet.cmd,
        bytes,
        ...describe(packet, mask),
        ...(answered !== undefined && { answeredMs: answered }),
      });
    }),
    iotCore.onEvent(({ kind, clientId, reason }) =>
      emit({ kind: 'broker', what: kind, hub: clientId === hubId, reason: mask.text(reason) }),
    ),
    iotCore.onMessage(`hubs/${hubId}/presence`, ({ payload }) => {
      const { state, session } = parse(payload) ?? {};
      if (typeof state === 'string' && typeof session === 'string') emit({ kind: 'presence', state, session });
    }),
    iotCore.onMessage(`hubs/${hubId}/commands/+/result`, ({ payload }) => {
      const page = parse(payload);
      if (!page) return;
      const text = readable(page.result ?? page.error ?? page, mask, MAX_RESULT_TEXT);
      const [pageNumber, pages] = [Number(page.page ?? 1), Number(page.pages ?? 1)];
      emit({
        kind: 'result',
        id: String(page.id),
        command: String(page.command),
        status: String(page.status),
        page: pageNumber,
        pages,
        text,
      });
    }),
    iotCore.onMessage(`$aws/things/${hubId}/shadow/update/documents`, showShadow),
    iotCore.onMessage(`$aws/things/${hubId}/shadow/delete/accepted`, showShadow),
  ];

  function showShadow(): void {
    const document = iotCore.shadow(hubId).get();
    const { desired = {}, reported = {} } = mask.value(document?.state ?? {});
    emit({ kind: 'shadow', version: document?.version ?? 0, desired, reported });
  }

  return () => {
    for (const end of ends) end();
  };
}

function describe(packet: Packet, mask: Masker): { topic?: string; qos?: number; retain?: boolean; text?: string } {
  switch (packet.cmd) {
    case 'publish':
      return { topic: packet.topic, qos: packet.qos, retain: packet.retain, text: readable(parse(packet.payload), mask, MAX_TEXT) };
    case 'subscribe':
      return {
        text: packet.subscriptions
          .map(({ topic }) => topic)
          .join(', ')
          .slice(0, MAX_TEXT),
      };
    case 'unsubscribe':
      return { text: packet.unsubscriptions.join(', ').slice(0, MAX_TEXT) };
    case 'connect':
      return { text: `keepalive ${packet.keepalive} s, will on ${packet.will?.topic ?? 'nothing'}` };
    case 'connack':
    case 'disconnect':
      return { text: `${packet.properties?.reasonString ?? ''} ${packet.reasonCode ?? 0}`.trim() };
    case 'puback':
      return { text: `of ${packet.messageId}` };
    default:
      return {};
  }
}

function readable(value: unknown, mask: Masker, limit: number): string {
  if (value === null || value === undefined) return '';
  const text = JSON.stringify(mask.value(value));
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function parse(payload: Buffer | string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(payload.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
