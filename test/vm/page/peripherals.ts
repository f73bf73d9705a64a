import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { createOsdpLine, demoPeripherals, type OsdpLine } from '../../twins/osdp-line/index.ts';
import type { SerialPorts } from '../serial.ts';

/** The agent's default. */
const BAUD_RATE = 9600;

/** Addresses of the peripherals. */
export const ADDRESSES: readonly number[] = demoPeripherals().map(({ address }) => address);

/** Peripherals behind the hub's USB adapter, as in the demo; the adapter is not plugged in yet. */
export async function attachPeripherals(serial: SerialPorts): Promise<{ line: OsdpLine; close(): void }> {
  const line = createOsdpLine({ baudRate: BAUD_RATE, clock: createMonotonicClock(), peripherals: demoPeripherals() });
  const wire = await serial.open('usb');
  const ends = [wire.onData((bytes) => line.wire.write(bytes)), line.wire.onData((bytes) => wire.write(bytes))];
  return {
    line,
    close() {
      for (const end of ends) end();
      line.stop();
      wire.close();
    },
  };
}
