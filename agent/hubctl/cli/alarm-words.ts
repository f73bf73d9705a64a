import type { Alarm, AlarmKind } from '../../contract/alarm.ts';
import { lookUp } from '../../health/finding.ts';
import { utc } from '../../system/units.ts';

const WORDS: Readonly<Record<AlarmKind, string>> = {
  network_lost: 'ZIGBEE NETWORK LOST',
  tamper: 'tamper switch open',
  security_lost: 'secure channel lost',
  device_replaced: 'another device answers',
  taken_over: "another client used this hub's identity",
  local_change: 'changed by root on the hub',
  certificate_expires: 'certificate ends within 30 days',
};

/** As many alarms as a small screen takes; `--json` has all. */
const MAX_LINES = 5;

/** Alarms for a screen, the newest first: `rs485/5 tamper switch open since 2026-11-22T03:00:00Z`. */
export function alarmLines(alarms: readonly Alarm[]): string[] {
  const lines = alarms
    .toReversed()
    .slice(0, MAX_LINES)
    .map(({ kind, node, since, until }) => {
      const gone = until === undefined ? '' : `, gone ${utc(until)}`;
      return `${node === null ? '' : `${node}: `}${lookUp(WORDS, kind, kind)} since ${utc(since)}${gone}`;
    });
  return alarms.length > MAX_LINES ? [...lines, `and ${alarms.length - MAX_LINES} more`] : lines;
}
