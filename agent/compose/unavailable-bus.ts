import type { BusConfig } from '../config/config.ts';
import type { BusStatus } from '../contract/node.ts';
import type { NodeBus } from '../nodes/bus.ts';
import { HubError } from '../system/errors.ts';
import type { Log } from '../system/log.ts';

/** A bus that cannot be made for a fault of its own configuration: it says why, and every other bus works. Until the agent starts again. */
export function createUnavailableBus({ id, protocol }: Pick<BusConfig, 'id' | 'protocol'>, reason: string, log: Log): NodeBus {
  const message = `${reason} Restart the agent when it is corrected.`;
  const status: BusStatus = { id, protocol, state: 'unavailable', error: { code: 'bus_unavailable', message } };
  return {
    id,
    protocol,
    start: () => log.error({ event: 'bus_unavailable', reason: 'config_invalid' }, message),
    stop: async () => {},
    status: () => status,
    nodes: () => [],
    scanComplete: () => false,
    refresh: () => Promise.reject(new HubError('bus_unavailable', message)),
    onEvent: () => () => {},
  };
}
