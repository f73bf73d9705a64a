import type { Socket } from 'node:net';
import type { Guest } from './guest.ts';

/** `isa`: a port on the board, `pci`: a port on a card, `usb`: an adapter that can be pulled. */
export type SerialName = 'isa' | 'pci' | 'usb';

/** The wire behind a serial port of the guest. */
export interface SerialWire {
  /** Bytes the hub wrote. */
  onData(handler: (bytes: Buffer) => void): () => void;
  /** Bytes towards the hub. */
  write(bytes: Uint8Array): void;
  close(): void;
}

/** The hub's serial ports. */
export interface SerialPorts {
  /** The device in the guest; stable over a re-plug. */
  path(name: SerialName): string;
  /** Connects to the wire behind a port; one connection a port. */
  open(name: SerialName): Promise<SerialWire>;
  /** Plugs the USB adapter in, and waits for its device in the guest. It is not plugged in at start. */
  plug(): Promise<void>;
  /** Pulls the USB adapter out, and waits until its device is gone. */
  yank(): Promise<void>;
  close(): Promise<void>;
}

const USB_SERIAL = 'HUB0001';
const PATHS: Record<SerialName, string> = {
  isa: '/dev/ttyS1',
  pci: '/dev/ttyS2',
  usb: `/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_${USB_SERIAL}-if00-port0`,
};

export interface SerialDeps {
  socket(name: SerialName): Promise<Socket>;
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>;
  guest: Guest;
}

/** The serial ports of one machine. */
export function createSerialPorts(deps: SerialDeps): SerialPorts {
  const sockets = new Set<Socket>();
  const waitFor = (condition: string) =>
    deps.guest.must(`tries=0; until ${condition}; do tries=$((tries + 1)); [ "$tries" -lt 200 ] || exit 1; sleep 0.1; done`);
  return {
    path: (name) => PATHS[name],
    async open(name) {
      const socket = await deps.socket(name);
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      return {
        onData(handler) {
          socket.on('data', handler);
          return () => socket.off('data', handler);
        },
        write: (bytes) => void socket.write(bytes),
        close: () => void socket.destroy(),
      };
    },
    async plug() {
      // Without always-plugged the adapter would vanish whenever nobody listens on the host.
      const device = { driver: 'usb-serial', id: 'usb', bus: 'xhci.0', chardev: 'usb', serial: USB_SERIAL, 'always-plugged': true };
      await deps.execute('device_add', device);
      await waitFor(`[ -e ${PATHS.usb} ]`);
    },
    async yank() {
      await deps.execute('device_del', { id: 'usb' });
      await waitFor(`[ ! -e ${PATHS.usb} ]`);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
