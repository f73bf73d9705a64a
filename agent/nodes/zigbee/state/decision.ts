import type { ZigbeeAdapter } from '../../../contract/zigbee.ts';
import { type Backup, hasBackup } from './backup.ts';
import type { NetworkRecord } from './network-record.ts';
import type { OtherNetwork } from './other-networks.ts';
import { isSameNetwork } from './parameters.ts';

/** A stored thing that is sound, or why there is none. */
export type Sight<T> = { state: 'sound'; value: T } | { state: 'absent' | 'damaged' };

/** What was seen on the stick before the library opens its port. `unknown`: its family cannot be asked. */
export type StickSight =
  | { kind: 'unknown' }
  | { kind: 'blank'; coordinator: string }
  | { kind: 'network'; coordinator: string; panId: number; extendedPanId: string; channel: number; isOurKey: boolean | null };

/** Everything that is known before a start. */
export interface Evidence {
  adapter: ZigbeeAdapter;
  /** The configured path. */
  path: string;
  record: Sight<NetworkRecord>;
  /** The library's file, and our copy. */
  backup: Sight<Backup>;
  backupCopy: Sight<Backup>;
  /** Paired devices that the database, or our copy of it, still names. */
  knownDevices: number;
  /** Networks of other buses of this hub; read only when this bus has no record. */
  others: readonly OtherNetwork[];
  stick: StickSight;
}

/** What a person on the hub has allowed, for one start. */
export type Permit = 'none' | 'restore' | 'form';

/** Why the network is not started. Each is a word of the contract's status and has its text in `refusal.ts`. */
export type Refusal =
  | 'record_lost'
  | 'network_lost'
  | 'foreign_network'
  | 'renamed'
  | 'other_channel'
  | 'new_stick'
  | 'other_adapter'
  | 'no_backup'
  | 'nothing_to_restore';

/** What was repaired, or is doubtful, and is only reported. */
export type Repair = 'record_rebuilt' | 'backup_from_copy' | 'backup_missing' | 'stick_was_blank' | 'network_restored';

/**
 * `form`: a new network. `start`: the recorded one; `expects` is what the library is to answer, and anything else is an alarm. `backup`: which one the
 * library must find in its place; null: none. `clearStick`: the stick has to forget that it is configured, so that the backup is written to it.
 */
export type Decision =
  | { action: 'form'; replaces: boolean }
  | {
      action: 'start';
      expects: 'formed' | 'resumed' | 'restored';
      record: NetworkRecord;
      backup: 'live' | 'copy' | null;
      clearStick: boolean;
      repairs: Repair[];
    }
  | { action: 'refuse'; refusal: Refusal };

const refuse = (refusal: Refusal): Decision => ({ action: 'refuse', refusal });
const soundOf = <T>(sight: Sight<T>): T | null => (sight.state === 'sound' ? sight.value : null);

/** The backup is of this network as the library compares them: with the list of channels. */
const isOf = (record: NetworkRecord, backup: Backup | null): backup is Backup =>
  backup !== null && isSameNetwork(record, backup) && backup.channels.length === 1 && backup.channels[0] === record.channel;

/**
 * The younger of both that is of this network; null: neither. A lower frame counter would have the devices ignore the coordinator. So the higher one counts also when
 * it jumped and nothing has confirmed it yet: the network may have used it.
 */
function bestBackup(record: NetworkRecord, { backup, backupCopy }: Evidence): 'live' | 'copy' | null {
  const [live, copy] = [soundOf(backup), soundOf(backupCopy)].map((each) => (isOf(record, each) ? each : null));
  // What the library wrote after it had formed another network says nothing of this one.
  if (live && record.stage !== 'lost' && live.frameCounter >= (copy?.frameCounter ?? 0)) return 'live';
  return copy ? 'copy' : null;
}

/** The record as the backup tells it: it lay in our own folder. */
function rebuilt({ adapter, knownDevices }: Evidence, backup: Backup): NetworkRecord {
  const { panId, extendedPanId, networkKey, channel, coordinator } = backup;
  const network = { panId, extendedPanId, networkKey, channel: backup.channels.length === 1 ? backup.channels[0]! : channel };
  return { ...network, stage: 'formed', adapter, coordinator, stick: null, devices: knownDevices, savedAt: null };
}

function withoutRecord(evidence: Evidence, permit: Permit): Decision {
  const { record, backup, backupCopy, knownDevices, stick } = evidence;
  const found = soundOf(backup) ?? soundOf(backupCopy);
  if (found) {
    const decision = withRecord(evidence, rebuilt(evidence, found), permit);
    return decision.action === 'start' ? { ...decision, repairs: ['record_rebuilt', ...decision.repairs] } : decision;
  }
  const existed = record.state === 'damaged' || backup.state === 'damaged' || backupCopy.state === 'damaged' || knownDevices > 0;
  if (existed) return refuse('record_lost');
  if (formerBus(evidence)) return refuse('renamed');
  if (stick.kind === 'network') return refuse('foreign_network');
  return permit === 'restore' ? refuse('nothing_to_restore') : { action: 'form', replaces: false };
}

const isOn = (record: NetworkRecord, stick: StickSight & { kind: 'network' }) =>
  stick.panId === record.panId && stick.extendedPanId === record.extendedPanId && stick.isOurKey !== false;

/**
 * The bus that this stick served under another id: it holds that network, or, when it holds none or cannot be asked, its path is that of the
 * other's stick. Undefined: none.
 */
export function formerBus({ others, stick, path }: Pick<Evidence, 'others' | 'stick' | 'path'>): OtherNetwork | undefined {
  return others.find(({ record }) => {
    const mayHaveDevices = record.stage !== 'forming' || record.devices > 0;
    return mayHaveDevices && (stick.kind === 'network' ? isOn(record, stick) : record.stick === path);
  });
}

function unfinished(evidence: Evidence, record: NetworkRecord): Decision {
  const { stick } = evidence;
  if (stick.kind === 'network' && !isOn(record, stick)) return refuse('foreign_network');
  return { action: 'start', expects: 'formed', record, backup: bestBackup(record, evidence), clearStick: false, repairs: [] };
}

/** The network exists: it is started as it is, put back, or not touched. */
function withRecord(evidence: Evidence, record: NetworkRecord, permit: Permit): Decision {
  const { adapter, path, stick, knownDevices } = evidence;
  if (adapter !== record.adapter) return refuse('other_adapter');
  if (record.stage === 'forming' && knownDevices === 0) return unfinished(evidence, record);
  const backup = bestBackup(record, evidence);
  const isRestore = permit === 'restore';
  if (isRestore && backup === null && hasBackup(adapter)) return refuse('no_backup');
  const fromCopy: Repair[] = backup === 'copy' ? ['backup_from_copy'] : [];
  const resumed = (repairs: Repair[]): Decision => ({ action: 'start', expects: 'resumed', record, backup, clearStick: false, repairs });
  const restored = (repairs: Repair[], clearStick = false): Decision => ({
    action: 'start',
    expects: 'restored',
    record,
    backup,
    clearStick,
    repairs: [...fromCopy, ...repairs],
  });

  if (record.stage === 'lost') return isRestore ? restored(['network_restored'], stick.kind === 'network') : refuse('network_lost');
  if (stick.kind === 'network') {
    if (!isOn(record, stick)) return isRestore ? restored(['network_restored']) : refuse('foreign_network');
    if (stick.channel !== record.channel && !isRestore) return refuse('other_channel');
    // The library writes a new backup of a network that it resumes.
    return resumed(backup === null && hasBackup(adapter) ? ['backup_missing'] : fromCopy);
  }
  if (stick.kind === 'blank') {
    if (backup === null) return refuse('no_backup');
    if (isRestore) return restored(['network_restored']);
    return stick.coordinator === record.coordinator ? restored(['stick_was_blank']) : refuse('new_stick');
  }
  if (record.stick !== null && record.stick !== path && !isRestore) return refuse('new_stick');
  if (backup === null && hasBackup(adapter)) return refuse('no_backup');
  return resumed(isRestore ? [...fromCopy, 'network_restored'] : fromCopy);
}

/**
 * What may be started. The library compares too, and answers a difference by forming a new network, after which every lock has to be paired again; so
 * each cause of that is refused here, before it opens the port (zigbee-herdsman 11.1.1, `determineStrategy` of its Z-Stack adapter,
 * and the adapters of ember, deconz and zboss).
 */
export function decide(evidence: Evidence, permit: Permit): Decision {
  const { record, knownDevices } = evidence;
  if (permit === 'form')
    return { action: 'form', replaces: record.state !== 'absent' || knownDevices > 0 || evidence.stick.kind === 'network' };
  return record.state === 'sound' ? withRecord(evidence, record.value, permit) : withoutRecord(evidence, permit);
}
