import { describe, expect, test } from 'vitest';
import type { Backup } from '../../../../../agent/nodes/zigbee/state/backup.ts';
import {
  type Decision,
  decide,
  type Evidence,
  type Permit,
  type Sight,
  type StickSight,
} from '../../../../../agent/nodes/zigbee/state/decision.ts';
import type { NetworkRecord } from '../../../../../agent/nodes/zigbee/state/network-record.ts';
import { isSameNetwork, type NetworkParameters } from '../../../../../agent/nodes/zigbee/state/parameters.ts';
import { refusalText } from '../../../../../agent/nodes/zigbee/state/refusal.ts';
import { Secret } from '../../../../../agent/system/secret.ts';
import { backup, OTHER, OURS, PATH, record, STICK } from '../samples.ts';

const sound = <T>(value: T): Sight<T> => ({ state: 'sound', value });
const absent = { state: 'absent' } as const;
const damaged = { state: 'damaged' } as const;
const blank: StickSight = { kind: 'blank', coordinator: STICK };
const newBlank: StickSight = { kind: 'blank', coordinator: '00124b00aaaaaaaa' };
const holding = (network: NetworkParameters, isOurKey: boolean | null = isSameNetwork(network, OURS)): StickSight => ({
  kind: 'network',
  coordinator: STICK,
  panId: network.panId,
  extendedPanId: network.extendedPanId,
  channel: network.channel,
  isOurKey,
});

const healthy: Evidence = {
  adapter: 'zstack',
  path: PATH,
  record: sound(record()),
  backup: sound(backup()),
  backupCopy: sound(backup()),
  knownDevices: 2,
  others: [],
  stick: holding(OURS),
};
const fresh: Evidence = { ...healthy, record: absent, backup: absent, backupCopy: absent, knownDevices: 0, stick: blank };
const decided = (changes: Partial<Evidence>, permit: Permit = 'none') => decide({ ...healthy, ...changes }, permit);
const brief = (decision: Decision) =>
  decision.action === 'start' ? decision.expects : decision.action === 'refuse' ? decision.refusal : 'form';

test('a network that is as it was is resumed', () => {
  expect(decided({})).toMatchObject({ action: 'start', expects: 'resumed', backup: 'live', clearStick: false, repairs: [] });
});

test('a hub that never had a network forms one', () => {
  expect(decide(fresh, 'none')).toEqual({ action: 'form', replaces: false });
  expect(decide({ ...fresh, stick: { kind: 'unknown' } }, 'none')).toEqual({ action: 'form', replaces: false });
});

test.each<[what: string, changes: Partial<Evidence>, answer: string]>([
  ['the stick holds a network that the hub has no record of', { ...fresh, stick: holding(OTHER) }, 'foreign_network'],
  ['the stick holds another network', { stick: holding(OTHER) }, 'foreign_network'],
  ['the stick holds the same ids under another key', { stick: holding(OURS, false) }, 'foreign_network'],
  ['the stick was moved to another channel', { stick: holding({ ...OURS, channel: 11 }) }, 'other_channel'],
  ['another blank stick is plugged in', { stick: newBlank }, 'new_stick'],
  ['the same stick has forgotten its network', { stick: blank }, 'restored'],
  [
    'a stick whose family cannot be asked has another path',
    { adapter: 'ember', record: sound(record({ adapter: 'ember', stick: '/dev/ttyUSB9' })), stick: { kind: 'unknown' } },
    'new_stick',
  ],
  ['... and the same path', { adapter: 'ember', record: sound(record({ adapter: 'ember' })), stick: { kind: 'unknown' } }, 'resumed'],
  [
    '... and no backup is left',
    { adapter: 'ember', record: sound(record({ adapter: 'ember' })), stick: { kind: 'unknown' }, backup: absent, backupCopy: damaged },
    'no_backup',
  ],
  [
    'a family without backups',
    { adapter: 'zboss', record: sound(record({ adapter: 'zboss' })), stick: { kind: 'unknown' }, backup: absent, backupCopy: absent },
    'resumed',
  ],
  ['the kind of the stick was changed in the configuration', { adapter: 'ember' }, 'other_adapter'],
  ['no backup is left, and the stick is blank', { stick: blank, backup: damaged, backupCopy: absent }, 'no_backup'],
  ['no backup is left, and the stick holds the network', { backup: damaged, backupCopy: absent }, 'resumed'],
  [
    'the backup has other channels, and so has the copy',
    { stick: blank, backup: sound(backup(OURS, { channels: [11] })), backupCopy: absent },
    'no_backup',
  ],
  ['the record is gone, the backup is there', { record: absent }, 'resumed'],
  ['the record is damaged, and nothing tells the network', { record: damaged, backup: damaged, backupCopy: absent }, 'record_lost'],
  ['the record is gone, and the database names devices', { record: absent, backup: absent, backupCopy: absent }, 'record_lost'],
  ['the library has formed another network', { record: sound(record({ stage: 'lost' })) }, 'network_lost'],
])('%s', (_, changes, answer) => {
  expect(brief(decided(changes))).toBe(answer);
});

test('the younger backup of this network counts', () => {
  const young = backup(OURS, { frameCounter: 2000 });
  expect(decided({ backup: sound(backup()), backupCopy: sound(young) })).toMatchObject({ backup: 'copy', repairs: ['backup_from_copy'] });
  expect(decided({ backup: sound(young), backupCopy: sound(backup()) })).toMatchObject({ backup: 'live', repairs: [] });
  expect(decided({ backup: sound(backup(OTHER)), backupCopy: sound(backup()) })).toMatchObject({ backup: 'copy' });
});

test('a restore is allowed by a command, for what a backup is left of', () => {
  expect(brief(decided({ stick: newBlank }, 'restore'))).toBe('restored');
  expect(brief(decided({ stick: holding(OTHER) }, 'restore'))).toBe('restored');
  expect(decided({ record: sound(record({ stage: 'lost' })) }, 'restore')).toMatchObject({
    expects: 'restored',
    backup: 'copy',
    clearStick: true,
  });
  expect(brief(decided({ stick: newBlank, backup: absent, backupCopy: absent }, 'restore'))).toBe('no_backup');
  expect(brief(decide(fresh, 'restore'))).toBe('nothing_to_restore');
});

test('forming anew is allowed by a command alone', () => {
  expect(decided({}, 'form')).toEqual({ action: 'form', replaces: true });
});

describe('a bus that was given another id', () => {
  const old = (changes: Partial<NetworkRecord> = {}) => [{ bus: 'old', record: record(changes) }];
  const unasked: StickSight = { kind: 'unknown' };

  test.each<[what: string, changes: Partial<Evidence>, answer: string]>([
    ['its stick holds the network', { others: old(), stick: holding(OURS) }, 'renamed'],
    ['its stick cannot be asked', { adapter: 'ember', others: old({ adapter: 'ember' }), stick: unasked }, 'renamed'],
    ['its stick has forgotten the network', { others: old(), stick: blank }, 'renamed'],
    ['the stick is on another path, and holds nothing', { others: old({ stick: '/dev/ttyUSB9' }), stick: blank }, 'form'],
    [
      'the stick is on another path, and cannot be asked',
      { adapter: 'ember', others: old({ stick: '/dev/ttyUSB9' }), stick: unasked },
      'form',
    ],
    ['the other bus had no device', { others: old({ stage: 'forming', devices: 0 }), stick: blank }, 'form'],
    ['the stick holds a network of neither', { others: old(), stick: holding(OTHER) }, 'foreign_network'],
  ])('forms nothing unasked: %s', (_, changes, answer) => {
    expect(brief(decide({ ...fresh, ...changes }, 'none'))).toBe(answer);
  });

  test('is no matter for one that has a record', () => {
    expect(brief(decided({ others: old() }))).toBe('resumed');
  });

  test('forms another network when a person says so', () => {
    expect(brief(decide({ ...fresh, others: old(), stick: blank }, 'form'))).toBe('form');
  });
});

test('a cut while forming goes on with the same parameters', () => {
  const cut = {
    record: sound(record({ stage: 'forming', coordinator: null, devices: 0 })),
    knownDevices: 0,
    backup: absent,
    backupCopy: absent,
  };
  for (const stick of [blank, holding(OURS)]) expect(decided({ ...cut, stick })).toMatchObject({ action: 'start', expects: 'formed' });
  expect(brief(decided({ ...cut, stick: holding(OTHER) }))).toBe('foreign_network');
});

/** What the library does, written from the matrix that was measured: never from the agent's decision. */
function libraryStarts(
  config: NetworkParameters,
  stick: StickSight,
  found: Backup | 'unusable' | null,
): 'resumed' | 'restored' | 'reset' | 'refuses' {
  if (found === 'unusable') return 'refuses';
  const isBackup = found !== null && isSameNetwork(found, config) && found.channels.length === 1 && found.channels[0] === config.channel;
  if (stick.kind !== 'network') return isBackup ? 'restored' : 'reset';
  const isHeld = stick.panId === config.panId && stick.extendedPanId === config.extendedPanId && stick.isOurKey !== false;
  if (isHeld) return 'resumed';
  if (found !== null && isSameNetwork(found, OTHER) && stick.panId === OTHER.panId) return 'refuses';
  return isBackup ? 'restored' : 'reset';
}

test('in every combination, nothing that a start is allowed for makes the library form a network over one that existed', () => {
  const records = [
    absent,
    damaged,
    sound(record()),
    sound(record({ stage: 'forming', coordinator: null })),
    sound(record({ stage: 'lost' })),
  ];
  const backups = [
    absent,
    damaged,
    sound(backup()),
    sound(backup(OTHER)),
    sound(backup(OURS, { channels: [11] })),
    sound(backup(OURS, { channels: [15, 20], frameCounter: 2000 })),
  ];
  const thirdKey = { ...OURS, networkKey: new Secret('0f'.repeat(16)) };
  const sticks = [blank, newBlank, OURS, OTHER, thirdKey, { ...OURS, channel: 11 }];
  let starts = 0;
  for (const own of records)
    for (const live of backups)
      for (const copy of backups)
        for (const held of sticks)
          for (const knownDevices of [0, 2])
            for (const permit of ['none', 'restore'] as const) {
              // The stick is compared with the key that the hub knows.
              const key = [own, live, copy].find((each) => each.state === 'sound')?.value.networkKey.reveal() ?? null;
              const stick = 'kind' in held ? held : holding(held, key === null ? null : held.networkKey.reveal() === key);
              const evidence: Evidence = { ...healthy, record: own, backup: live, backupCopy: copy, knownDevices, stick };
              const decision = decide(evidence, permit);
              const text = JSON.stringify({ ...evidence, permit, decision });
              if (decision.action === 'refuse') continue;
              if (decision.action === 'form') {
                // Forming is for a hub of which nothing tells that it ever had a network, with a blank stick.
                expect([own.state, live.state, copy.state, knownDevices, stick.kind], text).toEqual([
                  'absent',
                  'absent',
                  'absent',
                  0,
                  'blank',
                ]);
                continue;
              }
              starts += 1;
              const chosen = decision.backup === 'live' ? live : decision.backup === 'copy' ? copy : absent;
              const result = libraryStarts(
                decision.record,
                decision.clearStick ? blank : stick,
                chosen.state === 'sound' ? chosen.value : chosen.state === 'damaged' ? 'unusable' : null,
              );
              if (decision.expects === 'formed') {
                expect(knownDevices, text).toBe(0);
                expect(stick.kind === 'network' && result !== 'resumed', text).toBe(false);
              } else {
                expect(result, text).toBe(decision.expects);
                // Only a command may overwrite what a stick holds.
                if (permit === 'none' && stick.kind === 'network') expect(result, text).toBe('resumed');
              }
            }
  expect(starts).toBeGreaterThan(100);
});

test('each refusal says why and what to do, and never the key', () => {
  const stick = holding(OTHER);
  for (const refusal of [
    'record_lost',
    'network_lost',
    'foreign_network',
    'other_channel',
    'new_stick',
    'other_adapter',
    'no_backup',
    'nothing_to_restore',
  ] as const) {
    for (const own of [null, record()]) {
      const text = refusalText(refusal, { bus: 'zb', path: PATH, record: own, stick, formerBus: 'old', devices: 2 });
      expect(text).not.toContain(OURS.networkKey.reveal());
      expect(text).not.toMatch(/undefined|\[redacted\]/);
    }
  }
});
