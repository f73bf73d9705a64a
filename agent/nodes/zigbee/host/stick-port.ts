import { messageOf } from '../../../system/errors.ts';
import type { DeviceUse } from '../../../system/linux/device-use.ts';
import { ProcessFailure } from '../process/process.ts';
import type { StickPort } from '../process/words.ts';
import { requireInstalled } from './installed.ts';

/** An open serial port, for the look at a stick. */
export interface StickConnection {
  onData(listener: (bytes: Buffer) => void): void;
  write(bytes: Buffer): Promise<void>;
  /** Pseudo-terminals and some bridges have no such lines: that is no error. */
  setLines(lines: { dtr: boolean; rts: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** What is used of @serialport/bindings-cpp, which the library brings along. */
interface Binding {
  open(options: object): Promise<{
    read(buffer: Buffer, offset: number, length: number): Promise<{ buffer: Buffer; bytesRead: number }>;
    write(bytes: Buffer): Promise<void>;
    set(lines: { dtr: boolean; rts: boolean }): Promise<void>;
    close(): Promise<void>;
  }>;
}

const READ_BYTES = 512;

/** Another program keeps the port. @param holder its process, where the kernel shows it */
export const portInUse = (path: string, holder: number | null) =>
  new ProcessFailure('in_use', `${path} is in use by another program${holder === null ? '' : ` (process ${holder})`}`);

/** Opens the stick's port as the library does, with the same lock. @throws ProcessFailure `library_missing`, `in_use`, `port` */
export async function openStickPort({ path, baudRate, rtscts }: StickPort, use: DeviceUse): Promise<StickConnection> {
  const bindings = requireInstalled<{ autoDetect(): Binding }>('@serialport/bindings-cpp');
  if (!bindings) throw new ProcessFailure('library_missing', 'the Zigbee library is not installed');
  const binding = bindings.autoDetect();
  // Without hanging up: its lines reset some sticks, and the library opens the port next.
  const options = { path, baudRate, rtscts, dataBits: 8, parity: 'none', stopBits: 1, lock: true, hupcl: false };
  const port = await binding.open(options).catch(async (error: unknown) => {
    if ((await use.denial(path)) === 'EBUSY') throw portInUse(path, await use.lockHolder(path));
    throw new ProcessFailure('port', messageOf(error));
  });
  let listener: (bytes: Buffer) => void = () => {};
  let isOpen = true;

  async function readOn(): Promise<void> {
    const buffer = Buffer.alloc(READ_BYTES);
    while (isOpen) {
      const { bytesRead } = await port.read(buffer, 0, READ_BYTES);
      // End of file: the other end is gone, and asking again would answer the same at once.
      if (bytesRead === 0) return;
      listener(Buffer.from(buffer.subarray(0, bytesRead)));
    }
  }
  // What ends it also ends the next write, or is answered by silence.
  readOn().catch(() => {});

  return {
    onData(next) {
      listener = next;
    },
    write: (bytes) =>
      port.write(bytes).catch((error: unknown) => {
        throw new ProcessFailure('port', messageOf(error));
      }),
    setLines: (lines) => port.set(lines).catch(() => {}),
    async close() {
      isOpen = false;
      await port.close().catch(() => {});
    },
  };
}
