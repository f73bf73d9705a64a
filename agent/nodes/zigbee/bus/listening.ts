import type { Log } from '../../../system/log.ts';
import type { Told } from '../process/process.ts';
import type { DeviceTable } from './device-table.ts';
import type { Joining } from './joining.ts';
import type { Keeper } from './keeper.ts';

export interface ListeningDeps {
  bus: string;
  devices: DeviceTable;
  joining: Joining;
  keeper: Keeper;
  log: Log;
  onLost(message: string): void;
  onFrame(frame: Told & { kind: 'trace' }): void;
}

/** Passes what the process tells to the part that it is for. */
export function createListening({ bus, devices, joining, keeper, log, onLost, onFrame }: ListeningDeps): (event: Told) => void {
  function onInterview({ address, state }: Told & { kind: 'interview' }): void {
    const event = state === 'joined' ? 'joined' : (`interview_${state}` as const);
    log.info({ event: `zigbee_${event}`, address }, 'a device joins the network');
    if (state === 'joined') keeper.joined(address);
    if (state !== 'started') keeper.soon();
    joining.tell({ event, bus, address });
  }

  function onReporting({ address, problem }: Told & { kind: 'reporting' }): void {
    keeper.soon();
    if (problem) log.info({ event: 'zigbee_reporting', address, problem }, 'it is tried again when the device is heard');
    joining.tell({ event: 'reporting', bus, address, problem });
  }

  function onLeft(address: string): void {
    log.info({ event: 'zigbee_left', address }, 'a device left the network');
    keeper.left(address);
    devices.left(address);
  }

  return (event) => {
    switch (event.kind) {
      case 'device': {
        const { address, vendor, model } = event.device;
        devices.device(event.device);
        joining.tell({ event: 'device', bus, address, vendor, model });
        break;
      }
      case 'seen':
        devices.seen(event.address, event.at, event.linkQuality);
        break;
      case 'message':
        devices.message(event.message);
        break;
      case 'left':
        onLeft(event.address);
        break;
      case 'interview':
        onInterview(event);
        break;
      case 'reporting':
        onReporting(event);
        break;
      case 'permit_join':
        if (event.open) joining.opened(event.seconds);
        else joining.closed();
        break;
      case 'lost':
        onLost(event.message);
        break;
      case 'log':
        // The library calls an error what a device that sleeps does.
        log[event.level === 'info' ? 'debug' : 'info']({ event: 'zigbee_library', libraryLevel: event.level }, event.text);
        break;
      case 'trace':
        onFrame(event);
    }
  };
}
