import type { Progress } from '../progress.ts';
import type { Onlooker } from '../runner.ts';
import { openVirtualHubPage } from './open.ts';
import { ADDRESSES, attachPeripherals } from './peripherals.ts';

/** The page of the demo, on a virtual hub with peripherals at its serial port. Its address is printed. */
export function pageOf(progress: Pick<Progress, 'line'>): Onlooker {
  return {
    addresses: ADDRESSES,
    async watch(hub, world) {
      await using opened = new AsyncDisposableStack();
      const peripherals = await attachPeripherals(hub.serial);
      opened.defer(peripherals.close);
      await hub.serial.plug();
      const page = opened.use(await openVirtualHubPage(hub, world, peripherals.line));
      progress.line(`The page, to watch it and to break things: ${page.address}`);
      const { ssid, security } = world.away;
      if (security.kind !== 'open') progress.line(`The hub may be moved to "${ssid}"; its password: ${security.passphrase}`);
      return opened.move();
    },
  };
}
