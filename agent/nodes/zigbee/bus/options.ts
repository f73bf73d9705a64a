import type { ZigbeeAdapter } from '../../../contract/zigbee.ts';
import type { MonotonicClock, WallClock } from '../../../system/clock.ts';
import type { Entropy } from '../../../system/entropy.ts';
import type { Files } from '../../../system/files.ts';
import type { Log } from '../../../system/log.ts';
import type { PathIdentity } from '../../../system/paths.ts';
import type { Problem } from '../machine/machine.ts';
import type { ZigbeeProcesses } from '../process/process.ts';

export interface ZigbeeBusOptions {
  id: string;
  /** The stick's serial port. */
  path: string;
  adapter: ZigbeeAdapter;
  /** For a network that is formed; one that exists stays on its own. */
  channel: number;
  rtscts: boolean;
  baudRate: number;
  stateDirectory: string;
  processes: ZigbeeProcesses;
  /** Why the port cannot be opened, as the file system tells; null: nothing stands against it. */
  portProblem(path: string): Promise<Problem | null>;
  /** What stands at the port's path; null: nothing. Never rejects. */
  portIdentity(path: string): Promise<PathIdentity | null>;
  files: Files;
  clock: MonotonicClock;
  wallClock: WallClock;
  entropy: Entropy;
  log: Log;
  /** The library formed another network although one existed (`true`), or it is back (`false`). */
  onNetworkLost(isLost: boolean): void;
}

/** Deadlines of what the library does, milliseconds; each is what was measured, with room for a slow stick. */
export const LIMITS = {
  /** A boot loader is left in 2 s, a silent stick is given up after 8 s; a busy hub needs longer for what a stick holds. */
  look: 30_000,
  /** The code of the library: as long as its process may be silent for it. */
  load: 120_000,
  /** Resuming: 0.7 s; ember gives up after 25 s, zstack after 20 s. */
  resume: 60_000,
  /** Forming and restoring: 9 to 12 s; Z-Stack itself waits 100 s and then 30 s. */
  form: 180_000,
  permitJoin: 15_000,
  /** Above the library's own 10 s. */
  remove: 15_000,
  /** A full-size stick is read in 5 s. */
  save: 60_000,
  check: 10_000,
  ping: 20_000,
  map: 180_000,
  /** Below the two seconds that a stop may take. */
  end: 1_900,
} as const;

/** A stick that was pulled while frames came in is only noticed when something is written; the same question finds one that was reset. */
export const CHECK_MS = 15_000;
/** A question may wait behind requests to devices that are off. */
export const CHECK_MISSES = 2;
/** A restored coordinator goes on 2,500 frames above its backup (zigbee-herdsman): a backup must be younger than that. */
export const SAVE_MS = 3_600_000;
/** A device that joins says several things. */
export const SAVE_SOON_MS = 10_000;
