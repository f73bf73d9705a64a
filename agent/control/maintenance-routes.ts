import type { NodeMaintenance } from '../contract/maintenance.ts';
import type { MonotonicClock } from '../system/clock.ts';
import { isHubError } from '../system/errors.ts';
import type { Log } from '../system/log.ts';
import { ApiError, type ApiReply, type ApiRequest, type Routes } from './http-server.ts';
import { numberOf, recordOf } from './request-fields.ts';
import { whileWaiting } from './waiting.ts';

export interface MaintenanceRoutesDeps {
  maintenance: NodeMaintenance;
  clock: MonotonicClock;
  log: Log;
}

const DEFAULT_SECONDS = 10;
/** Long enough to walk along a corridor. */
const MAX_SECONDS = 60;
const MAX_NODE_ID = 256;

function nodeIdOf(body: Record<string, unknown>): string {
  const { nodeId } = body;
  if (typeof nodeId === 'string' && nodeId.length <= MAX_NODE_ID) return nodeId;
  throw new ApiError(400, 'invalid_body', '"nodeId" must be the id of a node, such as "rs485/5".');
}

function given(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new ApiError(400, 'invalid_number', `"${name}" must be a whole number.`);
}

/** What root does with single nodes. The answer is a stream, as the bus has to be free first. */
export function maintenanceRoutes({ maintenance, clock, log }: MaintenanceRoutesDeps): Routes {
  const stream = (work: (request: ApiRequest, send: (value: unknown) => void) => unknown): ApiReply => ({
    async lines(send, request) {
      try {
        send({ result: await whileWaiting(clock, send, Promise.resolve(work(request, send))) });
      } catch (error) {
        if (!isHubError(error)) throw error;
        const { code, message, details } = error;
        send({ error: { code, message, details } });
      }
    },
  });

  return {
    'POST /v1/nodes/identify': ({ body }) => {
      const asked = recordOf(body);
      const nodeId = nodeIdOf(asked);
      const seconds = numberOf(asked.seconds, DEFAULT_SECONDS, 1, MAX_SECONDS);
      log.info({ event: 'control_identify', nodeId, seconds }, 'identification of a node was requested on the hub');
      return stream(({ signal }) => maintenance.identify(nodeId, seconds, signal));
    },

    'POST /v1/nodes/forget': ({ body }) => {
      const nodeId = nodeIdOf(recordOf(body));
      log.warn({ event: 'control_forget', nodeId }, 'removal of a node was requested on the hub');
      return stream(async () => maintenance.forget(nodeId));
    },

    'POST /v1/bus/:id/rekey': ({ param: bus, body }) => {
      const asked = recordOf(body);
      const address = asked.address === undefined || asked.address === null ? null : given(asked.address, 'address');
      const defaultKey = asked.defaultKey === true;
      log.warn({ event: 'control_rekey', bus, address, defaultKey }, 'new keys for peripherals were requested on the hub');
      return stream(({ signal }, send) => maintenance.rekey(bus, { address, defaultKey }, (progress) => send({ progress }), signal));
    },

    'POST /v1/bus/:id/set-address': ({ param: bus, body }) => {
      const asked = recordOf(body);
      const from = given(asked.from, 'from');
      const to = given(asked.to, 'to');
      const baudRate = asked.baudRate === undefined || asked.baudRate === null ? null : given(asked.baudRate, 'baudRate');
      log.warn({ event: 'control_set_address', bus, from, to, baudRate }, 'another address for a peripheral was requested on the hub');
      return stream(({ signal }) => maintenance.setAddress(bus, { from, to, baudRate }, signal));
    },
  };
}
