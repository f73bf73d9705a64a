import { bytes, utc } from '../system/units.ts';
import { type Entries, finder, type HealthFinding } from './finding.ts';
import { isDiskLow, isMemoryLow } from './limits.ts';
import { DOCTOR, RESTART, SET_CLOCK } from './remedies.ts';

/** What can be wrong with the machine. */
export interface HostParams {
  /** Epoch milliseconds. */
  clock_before_build: { nowMs: number };
  clock_unset: object;
  memory_low: { availableBytes: number | null };
  /** The agent's own. */
  memory_agent_high: { rssBytes: number };
  disk_full: Disk;
  disk_read_only: { path: string };
  disk_low: Disk;
}

interface Disk {
  /** A folder on it. */
  path: string;
  availableBytes: number | null;
  totalBytes: number | null;
}

const free = ({ availableBytes, totalBytes }: Disk) =>
  availableBytes === null || totalBytes === null ? '' : `: ${bytes(availableBytes)} of ${bytes(totalBytes)} are free`;
const makeRoom = ({ path }: Disk) => `df -h ${path}; sudo journalctl --vacuum-size=20M`;

export const HOST: Entries<HostParams> = {
  clock_before_build: {
    severity: 'fail',
    text: ({ nowMs }) => `the clock shows ${utc(nowMs)}, before this agent was built`,
    remedy: () => SET_CLOCK,
    next: 'timedatectl',
  },
  clock_unset: {
    severity: 'warn',
    text: () => 'the clock was not set from the network since the start',
    remedy: () => SET_CLOCK,
    next: 'timedatectl',
  },
  memory_low: {
    severity: 'fail',
    text: ({ availableBytes }) => `memory is short${availableBytes === null ? '' : `: only ${bytes(availableBytes)} are available`}`,
    remedy: () => `ps aux --sort=-rss | head; ${RESTART}`,
    next: DOCTOR,
  },
  memory_agent_high: {
    severity: 'warn',
    text: ({ rssBytes }) => `the agent uses ${bytes(rssBytes)}, near the 192 MiB from which it is slowed down`,
    remedy: () => `sudo hubctl bundle; ${RESTART}`,
    next: DOCTOR,
  },
  disk_full: {
    severity: 'fail',
    text: (disk) => `the disk of ${disk.path} is full${free(disk)}`,
    remedy: makeRoom,
    next: DOCTOR,
  },
  disk_read_only: {
    severity: 'fail',
    text: ({ path }) => `the disk of ${path} is read-only`,
    remedy: ({ path }) => `sudo dmesg | tail -50; sudo mount -o remount,rw "$(findmnt -nT ${path} -o TARGET)"`,
    next: DOCTOR,
  },
  disk_low: {
    severity: 'warn',
    text: (disk) => `the disk is nearly full${free(disk)}`,
    remedy: makeRoom,
    next: DOCTOR,
  },
};

export type HostCode = keyof HostParams;
export const hostFinding = finder(HOST);

/** What is known of the machine; null is not known. Sizes are bytes. */
export interface MachineFacts {
  clock: { synchronized: boolean | null };
  host: {
    memoryAvailableBytes: number | null;
    memoryTotalBytes: number | null;
    diskAvailableBytes: number | null;
    diskTotalBytes: number | null;
  };
}

/** Where the state is, unless it was configured elsewhere. */
const STATE = '/var/lib/hub-agent';

/** The findings of the machine for a short screen, which shows its sizes already. */
export function hostFindings({ clock, host }: MachineFacts): HealthFinding<HostCode>[] {
  return [
    ...(clock.synchronized === false ? [hostFinding('clock_unset', {})] : []),
    ...(isMemoryLow(host.memoryAvailableBytes, host.memoryTotalBytes) ? [hostFinding('memory_low', { availableBytes: null })] : []),
    ...(isDiskLow(host.diskAvailableBytes, host.diskTotalBytes)
      ? [hostFinding('disk_low', { path: STATE, availableBytes: null, totalBytes: null })]
      : []),
  ];
}
