import { type Entries, finder, type HealthFinding } from './finding.ts';
import { isDiskLow, isMemoryLow } from './limits.ts';
import { DOCTOR, RESTART, SET_CLOCK } from './remedies.ts';

/** What can be wrong with the machine. */
export interface HostParams {
  clock_unset: object;
  memory_low: object;
  disk_low: object;
}

export const HOST: Entries<HostParams> = {
  clock_unset: {
    severity: 'warn',
    text: () => 'the clock was not set from the network since the start',
    remedy: () => SET_CLOCK,
    next: 'timedatectl',
  },
  memory_low: {
    severity: 'fail',
    text: () => 'memory is short',
    remedy: () => `ps aux --sort=-rss | head; ${RESTART}`,
    next: DOCTOR,
  },
  disk_low: {
    severity: 'warn',
    text: () => 'the disk is nearly full',
    remedy: () => 'df -h; sudo journalctl --vacuum-size=20M',
    next: DOCTOR,
  },
};

export type HostCode = keyof HostParams;
const found = finder(HOST);

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

export function hostFindings({ clock, host }: MachineFacts): HealthFinding<HostCode>[] {
  return [
    ...(clock.synchronized === false ? [found('clock_unset', {})] : []),
    ...(isMemoryLow(host.memoryAvailableBytes, host.memoryTotalBytes) ? [found('memory_low', {})] : []),
    ...(isDiskLow(host.diskAvailableBytes, host.diskTotalBytes) ? [found('disk_low', {})] : []),
  ];
}
