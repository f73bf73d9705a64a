import { type Entries, finder } from './finding.ts';

interface Port {
  bus: string;
  /** As the configuration names it, or the device behind that. */
  path: string;
}

/** With the commands that mend it on this machine. */
interface MendablePort extends Port {
  commands: string;
}

/** What can be wrong with the serial port of a bus, as a look at the machine shows. The subject is the bus. */
export interface PortParams {
  port_missing: Port;
  port_no_device: Port;
  /** `holders`: such as `agetty (pid 7)`. */
  port_held: MendablePort & { holders: readonly string[] };
  port_closed: MendablePort;
  port_unit: MendablePort;
}

const NEXT = 'sudo hubctl doctor --check serial';

export const PORT: Entries<PortParams> = {
  port_missing: {
    severity: 'fail',
    text: ({ bus, path }) => `${bus}: ${path} is not there: unplugged, or under another name`,
    remedy: () => 'ls -l /dev/serial/by-id/; sudo dmesg | grep tty',
    next: NEXT,
  },
  port_no_device: {
    severity: 'fail',
    text: ({ bus, path }) => `${bus}: ${path} is no serial port`,
    remedy: () => 'Correct the path of the bus in /etc/hub-agent/agent.json.',
    next: NEXT,
  },
  port_held: {
    severity: 'fail',
    text: ({ bus, path, holders }) => `${bus}: ${path} is open in ${holders.join(', ')}`,
    remedy: ({ commands }) => commands,
    next: NEXT,
  },
  port_closed: {
    severity: 'fail',
    text: ({ bus, path }) => `${bus}: the agent may not open ${path}`,
    remedy: ({ commands }) => commands,
    next: NEXT,
  },
  port_unit: {
    severity: 'fail',
    text: ({ bus, path }) =>
      `${bus}: the unit of the service refuses ${path}, whose mode would allow it: DeviceAllow= does not name its class`,
    remedy: ({ commands }) => commands,
    next: NEXT,
  },
};

export type PortCode = keyof PortParams;
export const portFinding = finder(PORT);
