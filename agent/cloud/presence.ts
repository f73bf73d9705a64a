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

/** The answer of the Shadow service to an update; those to our own never come this way (the SDK's request client takes them). */
const UPDATE_ACCEPTED = /^\$aws\/things\/[^/]+\/shadow(\/name\/[^/]+)?\/update\/accepted$/;

/**
 * True when somebody else wrote `online: false` into our reported state. The cloud's rule does, and its write may come long after the
 * birth that it should have seen: nothing else tells the hub.
 */
export function isOfflineWritten(topic: string, payload: Buffer): boolean {
  if (!UPDATE_ACCEPTED.test(topic)) return false;
  try {
    const { state } = JSON.parse(payload.toString('utf8')) as { state?: { reported?: { online?: unknown } | null } | null };
    return state?.reported?.online === false;
  } catch {
    return false;
  }
}

/** What a presence message says; null when it is not one. */
export function presenceStateOf(payload: Buffer): 'online' | 'offline' | null {
  try {
    const { state } = JSON.parse(payload.toString('utf8')) as { state?: unknown };
    return state === 'online' || state === 'offline' ? state : null;
  } catch {
    return null;
  }
}
