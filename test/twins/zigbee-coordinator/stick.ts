import { join } from 'node:path';
import { SerialPort } from 'serialport';
import { createVirtualPort } from '../virtual-port/index.ts';
import { type Coordinator, type CoordinatorOptions, createCoordinator } from './coordinator.ts';
import { encodeMt } from './frame.ts';

export interface StickOptions extends Omit<CoordinatorOptions, 'write' | 'nvPath'> {
  /** A folder for the port's name and the flash. */
  folder: string;
  /** The name of the port in it. Default `zigbee`. */
  name?: string;
  /** The file of its flash in it. Default: after the address, so that two sticks have two. */
  nv?: string;
}

/** A USB stick: the coordinator, its port, and the cable. */
export interface Stick extends AsyncDisposable {
  readonly coordinator: Coordinator;
  /** The stable name of the port, as in /dev/serial/by-id. */
  readonly path: string;
  /** Bytes that no coordinator sends: a broken firmware, another device, a bad line. */
  garble(bytes: Uint8Array): void;
  /** Pulls it out. */
  yank(): Promise<void>;
  /** Pulls it out while frames are coming in. */
  yankAmidTraffic(): Promise<void>;
  /** Puts it in again: it boots, with what is in its flash. */
  replug(): Promise<void>;
  /** Puts another stick into the same place (the by-id name stays, as of two sticks without a serial number of their own). */
  replace(options: Partial<Pick<CoordinatorOptions, 'eui'>> & { nv?: string }): Promise<Coordinator>;
  /** Another program holds the port. Resolves with how it lets go. */
  lock(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** An AREQ that hosts take note of and do not act on: a debug text of the firmware (MT, section 3.6). */
const DEBUG_MSG = encodeMt({ command: 0x4880, data: Buffer.from('\x05hello') });
const BURST = 10;
const FLOW_MS = 100;

/** Plugs a stick in; it boots at once. */
export async function plugIn(options: StickOptions): Promise<Stick> {
  const { folder, name = 'zigbee' } = options;
  const port = await createVirtualPort({ link: join(folder, name) });
  let coordinator: Coordinator;

  function make(eui: string, nv = `flash-${eui}.json`): Coordinator {
    const made = createCoordinator({ ...options, eui, nvPath: join(folder, nv), write: (bytes) => port.write(bytes) });
    made.powerOn();
    return made;
  }
  coordinator = make(options.eui, options.nv);
  port.onData((bytes) => coordinator.receive(bytes));

  const stick: Stick = {
    get coordinator() {
      return coordinator;
    },
    path: port.path,
    garble: (bytes) => port.write(bytes),
    async yank() {
      coordinator.powerOff();
      await port.yank();
    },
    async yankAmidTraffic() {
      let flows = true;
      const flow = (): void => {
        if (!flows) return;
        for (let count = 0; count < BURST; count += 1) port.write(DEBUG_MSG);
        options.air.after(1, flow);
      };
      flow();
      await new Promise<void>((resolve) => options.air.after(FLOW_MS, resolve));
      await stick.yank();
      flows = false;
    },
    async replug() {
      coordinator.powerOff();
      await port.replug();
      coordinator.powerOn();
    },
    async replace({ eui = options.eui, nv }) {
      coordinator.powerOff();
      await port.replug();
      coordinator = make(eui, nv);
      return coordinator;
    },
    async lock() {
      const holder = new SerialPort({ path: port.path, baudRate: 115_200, lock: true, autoOpen: false });
      await new Promise<void>((resolve, reject) => holder.open((error) => (error ? reject(error) : resolve())));
      return () => new Promise<void>((resolve) => holder.close(() => resolve()));
    },
    async close() {
      coordinator.powerOff();
      await port.close();
    },
    [Symbol.asyncDispose]: () => stick.close(),
  };
  return stick;
}
