import type { BusStatus } from '../../../contract/node.ts';
import type { ZigbeeNetwork } from '../../../contract/zigbee.ts';
import { HubError, messageOf } from '../../../system/errors.ts';
import { ProcessFailure, type ZigbeeProcess } from '../process/process.ts';
import type { Stranger } from '../state/backup.ts';
import type { NetworkRecord } from '../state/network-record.ts';
import type { DeviceTable } from './device-table.ts';
import type { Joining } from './joining.ts';
import type { Keeper } from './keeper.ts';
import type { Notices } from './notices.ts';
import { LIMITS, type ZigbeeBusOptions } from './options.ts';
import type { RetryState } from './retries.ts';

export interface NetworkDeps {
  options: ZigbeeBusOptions;
  keeper: Keeper;
  joining: Joining;
  devices: DeviceTable;
  notices: Notices;
  /** The process, while the network is up. */
  library(): ZigbeeProcess | null;
  facts(): {
    status: BusStatus;
    firmware: string | null;
    pid: number | null;
    starts: number;
    record: NetworkRecord | null;
    retry: RetryState;
    devices: number;
  };
  /** @throws HubError `bus_unavailable` when the bus is stopped */
  ask(permit: 'restore' | 'form'): void;
}

/** The longest that a coordinator may be open (zigbee-herdsman; Zigbee specification, 2.4.3.3.7). */
const MAX_JOIN_SECONDS = 254;
const ADDRESS = /^0x[0-9a-f]{16}$/;

const invalid = (field: string, message: string) => new HubError('invalid_args', message, { details: [{ field, message }] });

/** What a person on the hub may do with the network. */
export function createNetwork({ options, keeper, joining, devices, notices, library, facts, ask }: NetworkDeps): ZigbeeNetwork {
  const { id, adapter, path } = options;

  const running = (): ZigbeeProcess => {
    const process = library();
    if (process) return process;
    throw new HubError('bus_unavailable', facts().status.error?.message ?? `the Zigbee network of ${id} is not up`);
  };

  const carriedOut = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof ProcessFailure && error.code === 'unknown_device') throw invalid('address', error.message);
      throw error instanceof HubError ? error : new HubError('bus_unavailable', messageOf(error), { cause: error });
    }
  };

  /** A device that only the coordinator knows. It has to hear it: nothing else strikes it off the coordinator's list. */
  async function sendAway({ address, networkAddress }: Stranger): Promise<{ confirmed: boolean }> {
    const process = running();
    const hears =
      networkAddress !== null && (await carriedOut(process.request({ do: 'send_away', address, networkAddress }, LIMITS.remove))).confirmed;
    if (!hears)
      throw new HubError(
        'bus_unavailable',
        `${id}/${address} does not answer, and only the coordinator knows it: it stays in its list, where it does no harm. Wake it and try again; or pair it (sudo hubctl nodes permit-join --bus ${id}), then remove it`,
      );
    devices.strangerLeft(address);
    keeper.soon();
    return { confirmed: true };
  }

  /** While it is up, those that are paired now; else those that were known when it was last looked at. */
  const deviceCount = () => (library() ? devices.addresses().length : facts().devices);

  return {
    id,

    status() {
      const { status, firmware, pid, starts, record, retry } = facts();
      const notice = keeper.notice();
      return {
        bus: id,
        state: status.state,
        stage: record?.stage ?? 'none',
        adapter,
        path,
        network: record && {
          panId: `0x${record.panId.toString(16).padStart(4, '0')}`,
          extendedPanId: record.extendedPanId,
          channel: record.channel,
          coordinator: record.coordinator,
        },
        firmware,
        devices: deviceCount(),
        savedAt: record?.savedAt ?? null,
        permitJoinSeconds: joining.secondsLeft(),
        pid,
        starts,
        ...retry,
        notices: [...notices.list(), ...(notice ? [notice] : [])],
        problem: status.error ? { reason: status.error.reason ?? 'failed', message: status.error.message } : null,
      };
    },

    async permitJoin(seconds) {
      if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_JOIN_SECONDS)
        throw invalid('seconds', `must be a whole number from 0 to ${MAX_JOIN_SECONDS}`);
      const process = running();
      if (seconds > 0 && !keeper.isSettled())
        throw new HubError('storage_failed', `the network of ${id} is not on the disk yet: a device that joins now could be lost`);
      await carriedOut(process.request({ do: 'permit_join', seconds }, LIMITS.permitJoin));
    },

    onJoin: joining.onJoin,

    async remove(asked) {
      // As it may be printed on the device.
      const address = asked.toLowerCase();
      if (!ADDRESS.test(address)) throw invalid('address', 'must be 0x and 16 hexadecimal digits, as in hubctl nodes');
      const stranger = devices.stranger(address);
      if (stranger) return sendAway(stranger);
      return carriedOut(running().request({ do: 'remove', address }, LIMITS.remove));
    },

    async backup() {
      running();
      const { savedAt, devices: count } = await carriedOut(keeper.now());
      if (keeper.isDoubtful()) {
        throw new HubError(
          'storage_failed',
          'the frame counter of this backup jumped: it is kept when the next one goes on from there. Try again in a minute; the last good copy stays.',
        );
      }
      return { savedAt, devices: count };
    },

    async map() {
      const { neighbours, unasked } = await carriedOut(running().request({ do: 'map' }, LIMITS.map));
      devices.parents(new Map(neighbours.flatMap(({ of, address, relation }) => (relation === 'child' ? [[address, of] as const] : []))));
      return { bus: id, neighbours, unasked };
    },

    restore: () => ask('restore'),

    form(count) {
      const known = deviceCount();
      if (count !== known) throw invalid('devices', `${known} devices would have to be paired again: that number must be given`);
      ask('form');
    },
  };
}
