import type { ZigbeeNotice, ZigbeeStatus } from '../contract/zigbee.ts';
import { duration } from '../system/units.ts';
import type { BusNodes } from './bus.ts';
import { type Entries, finder, type HealthFinding, times } from './finding.ts';

const STATUS = 'hubctl zigbee status';
/** A copy is made every hour. */
const OLD_BACKUP_MS = 48 * 3_600_000;
/** Zigbee channels between those of Wi-Fi that are usual, 1, 6 and 11 (IEEE 802.15.4, 10.1.3.3; IEEE 802.11, 15.4.4.3). */
const CLEAR_CHANNELS: readonly number[] = [15, 20, 25, 26];

/** What can be wrong with a Zigbee network. The subject is the bus. */
export interface ZigbeeParams {
  zigbee_network_lost: { bus: string; devices: number };
  zigbee_not_kept: { bus: string; reason: string };
  zigbee_backup_old: { bus: string; hours: number | null };
  zigbee_backup_mended: { bus: string; isFromCopy: boolean };
  zigbee_record_rebuilt: { bus: string };
  zigbee_stick_was_blank: { bus: string };
  zigbee_database_mended: { bus: string; devices: number; recovered: number };
  zigbee_channel_ignored: { bus: string; configured: number; used: number };
  zigbee_coordinator_reset: { bus: string; count: number };
  zigbee_unknown_devices: { bus: string; addresses: readonly string[] };
  zigbee_wifi_channel: { bus: string; channel: number; silent: number };
}

const backup = (bus: string) => `sudo hubctl zigbee backup --bus ${bus}`;
const WATCH = 'Nothing to do; when it comes again, look at the storage of the hub: sudo hubctl doctor';

export const ZIGBEE: Entries<ZigbeeParams> = {
  zigbee_network_lost: {
    severity: 'fail',
    text: ({ bus, devices }) =>
      `${bus}: ANOTHER NETWORK WAS FORMED although one existed; ${devices} devices are cut off until it is restored`,
    remedy: ({ bus }) => `sudo hubctl zigbee restore --bus ${bus}`,
    next: STATUS,
    advice: true,
  },
  zigbee_not_kept: {
    severity: 'fail',
    text: ({ bus, reason }) => `${bus}: the network cannot be copied (${reason}); what is paired now could be lost with the stick`,
    remedy: () => 'sudo hubctl doctor --check disk',
    next: STATUS,
  },
  zigbee_backup_old: {
    severity: 'warn',
    text: ({ bus, hours }) => `${bus}: the last good backup is ${hours === null ? 'not there' : `${hours} hours old`}`,
    remedy: ({ bus }) => backup(bus),
    next: STATUS,
  },
  zigbee_backup_mended: {
    severity: 'warn',
    text: ({ bus, isFromCopy }) =>
      isFromCopy
        ? `${bus}: the backup was damaged or old, and was put back from the copy`
        : `${bus}: no backup was left; the stick still has the network`,
    remedy: () => WATCH,
    next: STATUS,
  },
  zigbee_record_rebuilt: {
    severity: 'warn',
    text: ({ bus }) => `${bus}: the record of the network was lost, and was made again from the backup`,
    remedy: () => WATCH,
    next: STATUS,
  },
  zigbee_stick_was_blank: {
    severity: 'warn',
    text: ({ bus }) => `${bus}: the stick had forgotten the network, and was given it again from the backup`,
    remedy: () => 'When it comes again, replace the stick, and then: sudo hubctl zigbee restore',
    next: STATUS,
  },
  zigbee_database_mended: {
    severity: 'warn',
    text: ({ bus, devices, recovered }) =>
      `${bus}: the list of devices was damaged or old, and was put together again: ${recovered} of ${devices} devices come from the copy`,
    remedy: () => WATCH,
    next: STATUS,
  },
  zigbee_channel_ignored: {
    severity: 'warn',
    text: ({ bus, configured, used }) =>
      `${bus}: the network stays on channel ${used}; "channel" says ${configured}, which counts only when one is formed`,
    remedy: ({ used }) => `Set "channel": ${used} in /etc/hub-agent/agent.json.`,
    next: STATUS,
  },
  zigbee_coordinator_reset: {
    severity: 'warn',
    text: ({ bus, count }) => `${bus}: the stick was reset by itself ${times(count)} since the start of the agent`,
    remedy: () => 'Look at its plug and its power: a USB extension, or a powered hub; sudo dmesg',
    next: STATUS,
  },
  zigbee_unknown_devices: {
    severity: 'warn',
    text: ({ bus, addresses }) =>
      `${bus}: the stick knows ${addresses.length} devices that were never interviewed (${addresses.join(', ')})`,
    remedy: ({ bus }) =>
      `Pair them again where they hang, send them away (sudo hubctl nodes remove ${bus}/ADDRESS), or leave them: they do no harm.`,
    next: 'hubctl nodes',
  },
  zigbee_wifi_channel: {
    severity: 'warn',
    text: ({ bus, channel, silent }) => `${bus}: ${silent} devices are silent, and channel ${channel} lies under a usual channel of Wi-Fi`,
    remedy: () => 'Move the stick away from the Wi-Fi antenna with a USB extension, or move the access point to another channel.',
    next: 'hubctl zigbee map',
  },
};

export type ZigbeeCode = keyof ZigbeeParams;
const found = finder(ZIGBEE);

function ofNotice(bus: string, notice: ZigbeeNotice): HealthFinding<ZigbeeCode>[] {
  switch (notice.code) {
    case 'record_rebuilt':
      return [found('zigbee_record_rebuilt', { bus }, bus)];
    case 'backup_from_copy':
      return [found('zigbee_backup_mended', { bus, isFromCopy: true }, bus)];
    case 'backup_missing':
      return [found('zigbee_backup_mended', { bus, isFromCopy: false }, bus)];
    case 'stick_was_blank':
      return [found('zigbee_stick_was_blank', { bus }, bus)];
    case 'database_mended':
      return [found('zigbee_database_mended', { bus, devices: notice.devices, recovered: notice.recovered }, bus)];
    case 'channel_ignored':
      return [found('zigbee_channel_ignored', { bus, configured: notice.configured, used: notice.used }, bus)];
    case 'coordinator_reset':
      return [found('zigbee_coordinator_reset', { bus, count: notice.count }, bus)];
    case 'unknown_devices':
      return [found('zigbee_unknown_devices', { bus, addresses: notice.addresses }, bus)];
    case 'not_kept':
      return [found('zigbee_not_kept', { bus, reason: notice.reason }, bus)];
    default:
      // What a person asked for, and notices of an agent that knows more.
      return [];
  }
}

/** How often the network could not be started, for people; null: not at all. */
export function attemptsText({ attempts = 0, nextAttemptSeconds = null }: ZigbeeStatus): string | null {
  if (attempts === 0) return null;
  const next = nextAttemptSeconds === null ? 'the next one runs' : `the next one in ${duration(nextAttemptSeconds)}`;
  return `${attempts} failed, ${next}`;
}

/** What is known of Zigbee networks and of what is around them. */
export interface ZigbeeFacts {
  zigbee?: readonly ZigbeeStatus[];
  nodesByBus?: readonly BusNodes[];
  /** Whether the hub is in a Wi-Fi network. */
  wifi: object | null;
  clock: { nowMs: number };
}

/** What is wrong with these networks, the worst first. */
export function zigbeeFindings({ zigbee = [], nodesByBus = [], wifi, clock }: ZigbeeFacts): HealthFinding<ZigbeeCode>[] {
  const all = zigbee.flatMap((status) => {
    const { bus, stage, state, savedAt, devices, network, notices } = status;
    const ageMs = savedAt === null ? null : clock.nowMs - savedAt;
    const isOld = state === 'up' && devices > 0 && (ageMs === null || ageMs > OLD_BACKUP_MS);
    const nodes = nodesByBus.find((each) => each.bus === bus);
    const silent = nodes ? nodes.total - nodes.available : 0;
    const overlaps = wifi !== null && state === 'up' && network !== null && !CLEAR_CHANNELS.includes(network.channel) && silent > 0;
    return [
      ...(stage === 'lost' ? [found('zigbee_network_lost', { bus, devices }, bus)] : []),
      ...notices.flatMap((notice) => ofNotice(bus, notice)),
      ...(isOld ? [found('zigbee_backup_old', { bus, hours: ageMs === null ? null : Math.floor(ageMs / 3_600_000) }, bus)] : []),
      ...(overlaps ? [found('zigbee_wifi_channel', { bus, channel: network.channel, silent }, bus)] : []),
    ];
  });
  return all.sort((a, b) => Number(b.severity === 'fail') - Number(a.severity === 'fail'));
}
