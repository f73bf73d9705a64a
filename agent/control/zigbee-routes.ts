import type { JoinEvent, ZigbeeNetwork } from '../contract/zigbee.ts';
import { type MonotonicClock, sleep } from '../system/clock.ts';
import { isHubError } from '../system/errors.ts';
import type { Log } from '../system/log.ts';
import { HEARTBEAT_MS } from './api.ts';
import { ApiError, type ApiReply, type Routes } from './http-server.ts';
import { textOf } from './request-fields.ts';
import { whileWaiting } from './waiting.ts';

export interface ZigbeeRoutesDeps {
  networks: readonly ZigbeeNetwork[];
  /** A user with root changes something. */
  changed(): void;
  clock: MonotonicClock;
  log: Log;
}

/** A stream of joins is bounded: a client that does not read is no reason to keep what happens. */
const MAX_HELD = 256;

const recordOf = (body: unknown): Record<string, unknown> =>
  typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : {};

/** What `work` answers, as the last line; a line every second until then. An error is a line too, since the answer has begun. */
function whenDone(work: () => Promise<unknown>, clock: MonotonicClock): ApiReply {
  return {
    async lines(send) {
      try {
        send({ result: await whileWaiting(clock, send, work()) });
      } catch (error) {
        if (!isHubError(error)) throw error;
        send({ error: { code: error.code, message: error.message } });
      }
    },
  };
}

/** Reads and changes Zigbee networks. */
export function zigbeeRoutes({ networks, changed, clock, log }: ZigbeeRoutesDeps): { reading: Routes; changing: Routes } {
  const find = (id: string): ZigbeeNetwork => {
    const network = networks.find((each) => each.id === id);
    if (network) return network;
    throw new ApiError(
      404,
      'unknown_bus',
      `There is no Zigbee bus "${id}"; there are: ${networks.map((each) => each.id).join(', ') || 'none'}.`,
    );
  };
  const asked = (what: string, bus: string) => log.warn({ event: `control_zigbee_${what}`, bus }, 'requested on the hub');

  return {
    reading: {
      'GET /v1/zigbee': () => ({ json: { networks: networks.map((network) => network.status()) } }),
    },

    changing: {
      'POST /v1/zigbee/:id/permit-join': async ({ param, body }) => {
        const network = find(param);
        const { seconds } = recordOf(body);
        asked('permit_join', param);
        let held: JoinEvent[] = [];
        let deliver = (event: JoinEvent): void => void (held.length < MAX_HELD && held.push(event));
        const end = network.onJoin((event) => deliver(event));
        try {
          await network.permitJoin(typeof seconds === 'number' ? seconds : Number.NaN);
        } catch (error) {
          end();
          throw error;
        }
        changed();
        return {
          async lines(send, { signal }) {
            const over = new AbortController();
            const until = AbortSignal.any([signal, over.signal]);
            deliver = (event) => {
              send(event);
              if (event.event === 'closed') over.abort();
            };
            for (const event of held) deliver(event);
            held = [];
            if (network.status().permitJoinSeconds === 0) over.abort();
            while (!until.aborted) {
              await sleep(clock, HEARTBEAT_MS, until);
              if (!until.aborted) send('');
            }
            end();
          },
        };
      },

      'POST /v1/zigbee/:id/remove': ({ param, body }) => {
        const network = find(param);
        const address = textOf(recordOf(body).address, 'address');
        asked('remove', param);
        changed();
        return whenDone(() => network.remove(address), clock);
      },

      'POST /v1/zigbee/:id/backup': ({ param }) => {
        const network = find(param);
        asked('backup', param);
        return whenDone(() => network.backup(), clock);
      },

      'POST /v1/zigbee/:id/map': ({ param }) => {
        const network = find(param);
        asked('map', param);
        return whenDone(() => network.map(), clock);
      },

      'POST /v1/zigbee/:id/restore': ({ param }) => {
        const network = find(param);
        asked('restore', param);
        network.restore();
        changed();
        return { json: { bus: param } };
      },

      'POST /v1/zigbee/:id/form': ({ param, body }) => {
        const network = find(param);
        const { devices } = recordOf(body);
        asked('form', param);
        network.form(typeof devices === 'number' ? devices : -1);
        changed();
        return { json: { bus: param } };
      },
    },
  };
}
