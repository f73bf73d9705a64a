import type { Log } from '../../../system/log.ts';
import { usableValues } from '../devices/values.ts';
import type { DeviceMessage } from '../process/words.ts';

/** Tells of values that the standard does not allow; the readings are taken without them. */
export interface DroppedValues {
  /** Of a paired device: there are so many counts as such devices. */
  note(message: DeviceMessage): void;
  forget(address: string): void;
}

const isPowerOfTwo = (count: number) => Number.isInteger(Math.log2(count));

/** Logged at debug, and for each device ever more rarely: a device may send them with every frame. */
export function createDroppedValues({ log }: { log: Pick<Log, 'debug'> }): DroppedValues {
  const counts = new Map<string, number>();
  return {
    note({ address, cluster, values }) {
      const { dropped } = usableValues(values);
      if (dropped.length === 0) return;
      const count = (counts.get(address) ?? 0) + 1;
      counts.set(address, count);
      if (isPowerOfTwo(count))
        log.debug(
          { event: 'zigbee_values_dropped', address, cluster, names: dropped, count },
          'a device sent what the standard does not allow',
        );
    },
    forget: (address) => void counts.delete(address),
  };
}
