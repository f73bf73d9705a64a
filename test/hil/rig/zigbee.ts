import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import {
  type Air,
  type ContactSensor,
  createAir,
  createContactSensor,
  createDoorLock,
  createPlug,
  type Device,
  type DoorLock,
  plugIn,
  type Stick,
} from '../../twins/zigbee-coordinator/index.ts';
import type { Rig } from './rig.ts';

/** Name of the Zigbee bus in the hub's configuration. */
export const ZIGBEE_BUS = 'zb';
/** Awake devices poll often, so that an interview takes a moment; a second of reporting intervals is a tenth of one. */
const QUICK = { shortPollMs: 60, secondMs: 100, awakeMs: 120_000 };
const OWN_STICK = { eui: '00124b0012345678', nv: 'flash-0.json' };

/** A Zigbee stick in a rig's hub, and devices in its room. */
export interface RigZigbee extends AsyncDisposable {
  readonly air: Air;
  readonly stick: Stick;
  readonly lock: DoorLock;
  readonly sensor: ContactSensor;
  readonly plug: Device;
  /** Changes the bus's entry in agent.json, for the next start. */
  configure(changes: Record<string, unknown>): Promise<void>;
  /** Takes the bus out of agent.json. */
  unconfigure(): Promise<void>;
  /** Pulls the stick out and plugs in one that was never used. */
  insertAnother(): Promise<void>;
  /** Plugs the hub's own stick in again, with the flash that it had. */
  insertOwn(): Promise<void>;
  /** From now on the stick that is plugged in is the hub's own. */
  adopt(): void;
}

/** A device as the hub names it. */
export const addressOf = ({ eui }: Pick<Device, 'eui'>): string => `0x${eui}`;

/** Plugs a stick into the rig's hub and writes it into agent.json; call it before the agent is started. */
export async function addZigbee(rig: Pick<Rig, 'folder'>): Promise<RigZigbee> {
  await using opened = new AsyncDisposableStack();
  const air = createAir(createMonotonicClock());
  opened.defer(() => air.stop());
  const folder = join(rig.folder, 'stick');
  await mkdir(folder);
  let [own, inserted] = [OWN_STICK, OWN_STICK];
  let sticks = 0;
  const stick = opened.use(await plugIn({ air, folder, ...own }));

  const configPath = join(rig.folder, 'etc', 'agent.json');
  const entry: Record<string, unknown> = { id: ZIGBEE_BUS, protocol: 'zigbee', path: stick.path, adapter: 'zstack', channel: 15 };
  const write = async (entries: object[]): Promise<void> => {
    const config = JSON.parse(await readFile(configPath, 'utf8')) as { buses: { id: string }[] };
    const others = config.buses.filter(({ id }) => id !== ZIGBEE_BUS);
    await writeFile(configPath, JSON.stringify({ ...config, buses: [...others, ...entries] }, null, 2));
  };
  await write([entry]);

  const closing = opened.move();
  return {
    air,
    stick,
    lock: createDoorLock(air, { eui: '00158d00aa000001', ...QUICK }),
    sensor: createContactSensor(air, { eui: '00158d00aa000002', ...QUICK }),
    plug: createPlug(air, { eui: '00158d00aa000003', secondMs: QUICK.secondMs }),
    async configure(changes) {
      Object.assign(entry, changes);
      await write([entry]);
    },
    unconfigure: () => write([]),
    async insertAnother() {
      sticks += 1;
      inserted = { eui: `00124b00ff${sticks.toString(16).padStart(6, '0')}`, nv: `flash-${sticks}.json` };
      await stick.replace(inserted);
    },
    async insertOwn() {
      inserted = own;
      await stick.replace(own);
    },
    adopt() {
      own = inserted;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
