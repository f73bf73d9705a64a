import type { LinuxPortBinding } from '@serialport/bindings-cpp/dist/linux.js';
import type { BusFailure } from '../../../contract/node.ts';
import type { MonotonicClock } from '../../../system/clock.ts';
import { messageOf } from '../../../system/errors.ts';
import type { Guard } from '../../../system/guard.ts';
import { createDeviceUse } from '../../../system/linux/device-use.ts';
import { createPaths } from '../../../system/paths.ts';
import { createDescriptorIo } from './descriptor-io.ts';
import type { PortProblem, SerialConnection, SerialPorts } from './port.ts';
import { portProblem } from './port-problem.ts';

/** How long a close may take before it is left to itself: the kernel may wait for bytes that do not leave. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Asks the kernel why a port did not open: the library's errors carry no codes. */
async function diagnose(path: string, error: unknown): Promise<PortProblem> {
  const code = (await createPaths().denial(path, 'read_write')) ?? (await createDeviceUse().denial(path));
  return portProblem(path, code ?? undefined, messageOf(error));
}

/**
 * The ports of this machine: opened and set by serialport's native module, then read and written on their descriptor at once when it is ready.
 * Streams and a pool of threads between the two cost half of an idle hub's processor time and 4 MB (npm run bench -- idle). The module cannot set
 * TIOCSRS485: the adapter, the driver or the device tree switches the direction of a half-duplex line.
 */
export function createSerialPorts({ clock, guard }: { clock: MonotonicClock; guard: Guard }): SerialPorts {
  return {
    async open(path, { baudRate }, handlers) {
      let library: typeof import('@serialport/bindings-cpp/dist/linux.js');
      try {
        // Loaded here: a native part that does not fit this machine costs the bus, not the agent.
        library = await import('@serialport/bindings-cpp/dist/linux.js');
      } catch (error) {
        return { ok: false, problem: { reason: 'failed', message: `${path} cannot be opened: ${messageOf(error)}` } };
      }
      let port: LinuxPortBinding;
      try {
        port = await library.LinuxBinding.open({ path, baudRate, lock: true });
      } catch (error) {
        return { ok: false, problem: await diagnose(path, error) };
      }

      let closedByOwner = false;
      let closing: Promise<void> | null = null;
      const closePort = () => {
        io.end();
        closing ??= new Promise<void>((closed) => {
          const giveUp = clock.schedule(CLOSE_TIMEOUT_MS, closed);
          const done = () => {
            giveUp();
            closed();
          };
          port.close().then(done, done);
        });
        return closing;
      };
      const lose = (reason: BusFailure, detail: string) => {
        const tell = () => closedByOwner || handlers.onClose({ reason, message: `${path} ${detail}` });
        void closePort().then(guard('serial port', tell));
      };
      const io = createDescriptorIo({ fd: port.fd!, poller: port.poller, clock, baudRate, guard, onData: handlers.onData, onLost: lose });
      const connection: SerialConnection = {
        write: io.write,
        hold: io.hold,
        take: io.take,
        close() {
          closedByOwner = true;
          return closePort();
        },
      };
      io.start();
      return { ok: true, connection };
    },
  };
}
