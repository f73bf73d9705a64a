import type { ZigbeeDetails } from '../../../contract/node.ts';
import type { DeviceFacts } from '../process/words.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** A device with mains power is asked when it has been silent for so long; asking a sleeping one would cost its battery. */
export const ASK_AFTER_SECONDS: number = 10 * MINUTE;
/** Two such questions without an answer, and the time between them. */
const MAINS_SECONDS = 25 * MINUTE;
/** A sleeping device that told no check-in interval reports its battery at least twice a day. */
const ASLEEP_SECONDS = 25 * HOUR;
/** One check-in may be lost, two in a row are no chance. */
const CHECK_INS = 3;

/** What feeds a device, as far as it says. */
export function powerOf({ powerSource, kind }: DeviceFacts): ZigbeeDetails['power'] {
  if (powerSource === null || /^unknown$/i.test(powerSource)) return kind === 'router' ? 'mains' : 'unknown';
  return /battery/i.test(powerSource) ? 'battery' : 'mains';
}

/** After how long a silence a device counts as not available, and where that comes from. */
export function silenceOf(device: DeviceFacts): Pick<ZigbeeDetails, 'silentAfterSeconds' | 'silentAfterFrom'> {
  if (device.kind === 'router' || powerOf(device) === 'mains') return { silentAfterSeconds: MAINS_SECONDS, silentAfterFrom: 'assumed' };
  const { checkInSeconds } = device;
  if (checkInSeconds === null || checkInSeconds === 0) return { silentAfterSeconds: ASLEEP_SECONDS, silentAfterFrom: 'assumed' };
  return { silentAfterSeconds: Math.max(Math.round(checkInSeconds * CHECK_INS), 5 * MINUTE), silentAfterFrom: 'check_in' };
}
