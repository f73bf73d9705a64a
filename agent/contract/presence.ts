import { parseBounded } from '../system/bounded-json.ts';
/** The payload of the presence topic (contract, "Presence"). */
export interface Presence {
  state: 'online' | 'offline';
  /** The MQTT session that speaks, or whose will this is. */
  session: string;
  /** Epoch milliseconds; in a will, when the session began. */
  at: number;
  version: string;
}

/** The text of a birth, a goodbye or a will. */
export function presencePayload(presence: Presence): string {
  return JSON.stringify(presence);
}

/** The content of a presence message; null when it is not one. */
export function presenceStateOf(payload: Buffer): 'online' | 'offline' | null {
  try {
    const { state } = parseBounded(payload.toString('utf8')) as { state?: unknown };
    return state === 'online' || state === 'offline' ? state : null;
  } catch {
    return null;
  }
}
