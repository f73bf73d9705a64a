/** "AWS IoT Core endpoints and quotas": filters in one SUBSCRIBE. */
const MAX_FILTERS = 8;

/** A filter with the quality of service of what comes. */
export interface Subscription {
  filter: string;
  qos: 0 | 1;
}

interface Asked {
  subscriptions: readonly Subscription[];
  resolve(reasonCodes: number[]): void;
  reject(error: unknown): void;
}

/**
 * Sends what is subscribed to without a wait in between in one SUBSCRIBE: one round trip for all of them. Each caller gets the reason codes of its own
 * filters.
 * @param send one SUBSCRIBE; resolves with the reason codes of the SUBACK, in the order of the filters (MQTT 5, 3.9.3)
 */
export function createJoinedSubscriptions(send: (subscriptions: readonly Subscription[]) => Promise<readonly number[]>) {
  let waiting: Asked[] = [];

  async function sendTogether(asked: readonly Asked[]): Promise<void> {
    try {
      const filters = asked.flatMap(({ subscriptions }) => subscriptions);
      const codes = await send(filters);
      if (codes.length !== filters.length) throw new Error(`a SUBACK with ${codes.length} codes for ${filters.length} filters`);
      let from = 0;
      for (const { subscriptions, resolve } of asked) {
        resolve(codes.slice(from, from + subscriptions.length));
        from += subscriptions.length;
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  function flush(): void {
    let packet: Asked[] = [];
    let count = 0;
    for (const asked of waiting) {
      if (packet.length > 0 && count + asked.subscriptions.length > MAX_FILTERS) {
        void sendTogether(packet);
        packet = [];
        count = 0;
      }
      packet.push(asked);
      count += asked.subscriptions.length;
    }
    waiting = [];
    void sendTogether(packet);
  }

  return (subscriptions: readonly Subscription[]): Promise<number[]> =>
    new Promise((resolve, reject) => {
      waiting.push({ subscriptions, resolve, reject });
      if (waiting.length === 1) queueMicrotask(flush);
    });
}
