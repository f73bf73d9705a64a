import type { ZigbeeNotice } from '../../../contract/zigbee.ts';
import type { Prepared } from './session.ts';

/** What was repaired since the agent started, and what support should know. Bounded: one of each kind. */
export interface Notices {
  /** A start was prepared, of a bus whose configuration names `channel`. */
  prepared(prepared: Prepared, channel: number): void;
  wasReset(): void;
  strangers(addresses: readonly string[]): void;
  list(): ZigbeeNotice[];
}

const MAX_ADDRESSES = 16;

export function createNotices(): Notices {
  const byCode = new Map<ZigbeeNotice['code'], ZigbeeNotice>();
  const put = (notice: ZigbeeNotice) => byCode.set(notice.code, notice);
  let resets = 0;

  return {
    prepared({ record, decision, mended }, channel) {
      for (const code of decision.repairs) put({ code });
      if (mended) put({ code: 'database_mended', devices: mended.devices, recovered: mended.recovered });
      if (record.channel === channel) byCode.delete('channel_ignored');
      else put({ code: 'channel_ignored', configured: channel, used: record.channel });
    },
    wasReset() {
      resets += 1;
      put({ code: 'coordinator_reset', count: resets });
    },
    strangers(addresses) {
      if (addresses.length === 0) byCode.delete('unknown_devices');
      else put({ code: 'unknown_devices', addresses: addresses.slice(0, MAX_ADDRESSES) });
    },
    list: () => [...byCode.values()],
  };
}
