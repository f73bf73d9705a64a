import type { MonotonicClock } from '../../../system/clock.ts';
import { within } from '../../../system/timeout.ts';
import type { LibraryDevice, LibraryEndpoint } from './library.ts';

interface Wanted {
  cluster: string;
  items: { attribute: string; minimumReportInterval: number; maximumReportInterval: number; reportableChange: number }[];
}

const HOUR_SECONDS = 3_600;
const HALF_DAY_SECONDS = 12 * HOUR_SECONDS;
/** One request to a device that is awake takes a second; a sleeping one is tried again when it is heard. */
const REQUEST_MS = 15_000;

/** An attribute that a device does not have fails the whole request: each has its own. */
const WANTED: readonly Wanted[] = [
  {
    cluster: 'closuresDoorLock',
    items: [
      { attribute: 'lockState', minimumReportInterval: 0, maximumReportInterval: HOUR_SECONDS, reportableChange: 0 },
      { attribute: 'doorState', minimumReportInterval: 0, maximumReportInterval: HOUR_SECONDS, reportableChange: 0 },
    ],
  },
  {
    cluster: 'genPowerCfg',
    items: [
      {
        attribute: 'batteryPercentageRemaining',
        minimumReportInterval: HOUR_SECONDS,
        maximumReportInterval: HALF_DAY_SECONDS,
        reportableChange: 2,
      },
    ],
  },
  // Bound alone: its alarms come as commands.
  { cluster: 'genAlarms', items: [] },
];

/** Attributes that many devices lack: nothing is wrong without them. */
const OPTIONAL = new Set(['doorState', 'genAlarms']);

/** Whether the device has something that must be set up, and is not. */
export function lacksReporting(device: LibraryDevice): boolean {
  return device.endpoints.some(
    (endpoint) =>
      endpoint.configuredReportings.length === 0 &&
      WANTED.some(({ cluster, items }) => items.length > 0 && endpoint.supportsInputCluster(cluster)),
  );
}

/**
 * Has the device report by itself: the library's interview binds nothing but the poll control, and a lock is never asked while it sleeps.
 * Answers what could not be set up; null: all was.
 */
export async function setUpReporting(device: LibraryDevice, coordinator: LibraryEndpoint, clock: MonotonicClock): Promise<string | null> {
  const failed: string[] = [];
  const attempt = async (what: string, work: () => Promise<void>) => {
    const late = () => {
      throw new Error('late');
    };
    await within(clock, REQUEST_MS, work(), late).catch(() => OPTIONAL.has(what) || failed.push(what));
  };
  for (const endpoint of device.endpoints) {
    for (const { cluster, items } of WANTED) {
      if (!endpoint.supportsInputCluster(cluster)) continue;
      await attempt(cluster, () => endpoint.bind(cluster, coordinator));
      for (const item of items) await attempt(item.attribute, () => endpoint.configureReporting(cluster, [item]));
    }
  }
  return failed.length === 0 ? null : `could not be set up: ${failed.join(', ')}`.slice(0, 200);
}
