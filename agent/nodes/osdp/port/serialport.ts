import type { SerialPort } from 'serialport';
import type { BusFailure } from '../../../contract/node.ts';
import type { MonotonicClock } from '../../../system/clock.ts';
import { messageOf } from '../../../system/errors.ts';
import type { Guard } from '../../../system/guard.ts';
import { createPaths } from '../../../system/paths.ts';
import type { OpenResult, PortProblem, SerialConnection, SerialPorts } from './port.ts';
import { portProblem } from './port-problem.ts';

/** The kernel takes a frame at once unless its buffer is full; a write that waits this long is stuck. */
const STALLED_WRITE_MS = 2_000;
/** How long a close may take before it is left to itself. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Asks the file system why a port did not open: the library's errors carry no codes. */
async function diagnose(path: string, error: unknown): Promise<PortProblem> {
  const denial = await createPaths().denial(path, 'read_write');
  return portProblem(path, denial ?? undefined, messageOf(error));
}

/**
 * The ports of this machine, through the serialport package. It cannot set TIOCSRS485: the direction of a half-duplex line is the adapter's,
 * the driver's or the device tree's business.
 */
export function createSerialPorts({ clock, guard }: { clock: MonotonicClock; guard: Guard }): SerialPorts {
  return {
    async open(path, { baudRate }, handlers) {
      let port: SerialPort;
      try {
        // Loaded here: a native part that does not fit this machine costs the bus, not the agent.
        const { SerialPort } = await import('serialport');
        port = new SerialPort({ path, baudRate, autoOpen: false, lock: true });
      } catch (error) {
        return { ok: false, problem: { reason: 'failed', message: `${path} cannot be opened: ${messageOf(error)}` } };
      }
      return new Promise<OpenResult>((resolve) => {
        let ended = false;
        let writingSinceMs: number | null = null;

        const closePort = () =>
          new Promise<void>((closed) => {
            if (!port.isOpen) return closed();
            const giveUp = clock.schedule(CLOSE_TIMEOUT_MS, closed);
            port.close(() => {
              giveUp();
              closed();
            });
          });

        /** Ends the connection once, whichever event tells first; `close` may come twice, and after a failed write. */
        const lose = (reason: BusFailure, detail: string) => {
          if (ended) return;
          ended = true;
          void closePort().then(guard('serial port', () => handlers.onClose({ reason, message: `${path} ${detail}` })));
        };

        const on = <A extends unknown[]>(event: string, listener: (...args: A) => void) => port.on(event, guard('serial port', listener));
        on('error', (error: unknown) => lose('lost', `failed: ${messageOf(error)}`));
        on('close', (error: unknown) => lose('lost', error ? `went away: ${messageOf(error)}` : 'was closed'));
        on('end', () => lose('lost', 'went away: end of file'));

        const connection: SerialConnection = {
          write(bytes) {
            if (ended) return;
            if (writingSinceMs !== null && clock.nowMs() - writingSinceMs > STALLED_WRITE_MS) return lose('stalled', 'takes no more bytes');
            writingSinceMs ??= clock.nowMs();
            port.write(Buffer.from(bytes), (error) => {
              if (port.writableLength === 0) writingSinceMs = null;
              if (error) lose('lost', `went away: ${messageOf(error)}`);
            });
          },
          async close() {
            ended = true;
            await closePort();
          },
        };

        port.open((error) => {
          if (error) {
            ended = true;
            void diagnose(path, error).then((problem) => resolve({ ok: false, problem }));
            return;
          }
          on('data', (bytes: Buffer) => handlers.onData(bytes));
          resolve({ ok: true, connection });
        });
      });
    },
  };
}
