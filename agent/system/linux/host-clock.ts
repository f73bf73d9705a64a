import type { WallClock } from '../clock.ts';
import type { HostTree } from './host-read.ts';

/** systemd-timesyncd(8) has this folder while it runs and touches the file at each synchronisation since boot. */
const TIMESYNC_FOLDER = 'run/systemd/timesync';
const TIMESYNC_MARK = 'run/systemd/timesync/synchronized';
/** chronyd(8) rewrites its drift file about hourly, and only while it follows a source. */
const CHRONY_DRIFT_FILES = ['var/lib/chrony/chrony.drift', 'var/lib/chrony/drift'];
/** chronyd also writes it when it stops: on a hub that starts with the clock of its last stop, that write is this close to boot. */
const STOP_MARGIN_MS = 60_000;

/**
 * Whether the clock was set from the network since boot. The kernel's own answer (adjtimex) cannot be had from Node, so the time services' traces
 * are read: systemd-timesyncd gives yes or no; chrony's drift file, where the agent may see it, proves a yes; anything else
 * is unknown (null).
 */
export async function readClockSynchronized(tree: HostTree, wallClock: WallClock, uptimeSeconds: number | null): Promise<boolean | null> {
  if (await tree.exists(TIMESYNC_MARK)) return true;
  for (const path of CHRONY_DRIFT_FILES) {
    const written = await tree.modifiedMs(path);
    if (written === null || uptimeSeconds === null) continue;
    const now = wallClock.nowMs();
    const boot = now - uptimeSeconds * 1000;
    if (written > boot + STOP_MARGIN_MS && written <= now) return true;
  }
  return (await tree.exists(TIMESYNC_FOLDER)) ? false : null;
}
