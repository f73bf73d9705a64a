import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMonotonicClock } from '../../agent/system/clock.ts';
import {
  type Coordinator,
  createAir,
  createContactSensor,
  createCoordinator,
  createDoorLock,
  createPlug,
  type Device,
  type DoorLock,
} from '../twins/zigbee-coordinator/index.ts';
import type { VirtualHub } from './hub.ts';
import { RUN_FILES } from './qemu.ts';

/** A Zigbee stick in the hub's USB port, and devices in its room. */
export interface ZigbeeRoom {
  readonly coordinator: Coordinator;
  readonly lock: DoorLock;
  readonly devices: readonly Device[];
  /** Devices that share the stick's network. */
  paired(): number;
  /** The network's key, 32 hex digits; null: none is formed. */
  key(): string | null;
  plug(): Promise<void>;
  /** Pulls the stick out of the port. */
  yank(): Promise<void>;
  /** Pulls it while frames are coming in. */
  yankAmidTraffic(): Promise<void>;
  /** The hub loses its power, and with it the stick; both come back. */
  powerCut(): Promise<void>;
  close(): Promise<void>;
}

const STICK = '00124b0012345678';
/** Awake devices poll often, so that an interview takes a moment. */
const QUICK = { shortPollMs: 60, secondMs: 100, awakeMs: 240_000 };
const FLOW_MS = 20;
const OFF_MS = 1_000;

/** Opens the wire behind the hub's USB port; the stick is not plugged in yet. */
export async function createZigbeeRoom(hub: VirtualHub): Promise<ZigbeeRoom> {
  const folder = await mkdtemp(join(tmpdir(), 'virtual-hub-stick-'));
  const air = createAir(createMonotonicClock());
  const wire = await hub.serial.open('usb');
  const coordinator = createCoordinator({ air, eui: STICK, nvPath: join(folder, 'flash.json'), write: (bytes) => wire.write(bytes) });
  wire.onData((bytes) => coordinator.receive(bytes));
  // Names and sizes alone: what a host reads of the flash has the key in it.
  const record = createWriteStream(join(hub.runFolder, RUN_FILES.stick), { flags: 'a' });
  const note = (text: string) => void record.write(`${new Date().toISOString()} ${text}\n`);
  coordinator.onFrame((direction, { command, data }) =>
    note(`${direction} 0x${command.toString(16).padStart(4, '0')} ${data.length} bytes`),
  );
  const lock = createDoorLock(air, { eui: '00158d00aa000001', ...QUICK });
  const sensor = createContactSensor(air, { eui: '00158d00aa000002', ...QUICK });
  const plug = createPlug(air, { eui: '00158d00aa000003', secondMs: QUICK.secondMs });
  const devices = [lock, plug, sensor];

  const room: ZigbeeRoom = {
    coordinator,
    lock,
    devices,
    paired: () => devices.filter((device) => device.paired).length,
    key: () => coordinator.network()?.key ?? null,
    async plug() {
      note('plug');
      // A stick has its power with the port, before the hub has made a device of it.
      coordinator.powerOn();
      await hub.serial.plug();
      note('plugged in');
    },
    async yank() {
      note('yank');
      coordinator.powerOff();
      await hub.serial.yank();
    },
    async yankAmidTraffic() {
      note('yank amid traffic');
      let turns = 0;
      const flow = setInterval(() => lock.turn(turns++ % 2 === 0 ? 'unlocked' : 'locked'), FLOW_MS);
      try {
        await new Promise((resolve) => setTimeout(resolve, FLOW_MS * 25));
        // The stick talks to its last moment: it goes with the port, not before.
        await hub.serial.yank();
      } finally {
        clearInterval(flow);
        coordinator.powerOff();
      }
    },
    async powerCut() {
      coordinator.powerOff();
      const back = hub.powerCut(OFF_MS);
      setTimeout(() => coordinator.powerOn(), OFF_MS * 2);
      await back;
    },
    async close() {
      coordinator.powerOff();
      air.stop();
      wire.close();
      await new Promise<void>((resolve) => record.end(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
  return room;
}
