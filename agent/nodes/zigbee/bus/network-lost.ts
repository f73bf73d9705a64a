import { messageOf } from '../../../system/errors.ts';
import type { Log } from '../../../system/log.ts';
import type { NetworkRecord } from '../state/network-record.ts';
import type { Vault } from '../state/vault.ts';

/** The library formed another network although this one existed: said as loudly as can be, and written down. Answers the record as it is now. */
export function recordLoss(record: NetworkRecord, { vault, log }: { vault: Vault; log: Log }): NetworkRecord {
  log.fatal(
    { event: 'zigbee_network_lost' },
    'the library formed another network although one existed; the copies of the old one are kept',
  );
  const lost: NetworkRecord = { ...record, stage: 'lost' };
  vault.saveRecord(lost).catch((error: unknown) => {
    log.error({ event: 'zigbee_record_not_saved', reason: messageOf(error) }, 'the record of the network could not be written');
  });
  return lost;
}
