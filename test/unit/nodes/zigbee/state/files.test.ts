import { expect, test } from 'vitest';
import { parseBackup } from '../../../../../agent/nodes/zigbee/state/backup.ts';
import { mendDatabase, pairedIn, parseDatabase } from '../../../../../agent/nodes/zigbee/state/database.ts';
import { parseRecord, recordText } from '../../../../../agent/nodes/zigbee/state/network-record.ts';
import { newParameters } from '../../../../../agent/nodes/zigbee/state/parameters.ts';
import { createEntropy } from '../../../../../agent/system/entropy.ts';
import { backup, backupFile, coordinatorLine, databaseFile, deviceLine, LOCK, OURS, record, SENSOR } from '../samples.ts';

const bytes = (text: string) => Buffer.from(text);
const parsed = (text: string) => parseDatabase(bytes(text));

test('a new network has random parameters in their ranges, and never the published default key', () => {
  const entropy = createEntropy();
  const made = Array.from({ length: 200 }, () => newParameters(entropy, 15));
  for (const { panId, extendedPanId, networkKey } of made) {
    expect(panId).toBeGreaterThan(0);
    expect(panId).toBeLessThanOrEqual(0x3fff);
    expect(extendedPanId).toMatch(/^[0-9a-f]{16}$/);
    expect(networkKey.reveal()).toMatch(/^[0-9a-f]{32}$/);
    expect(networkKey.reveal()).not.toBe('01030507090b0d0f00020406080a0c0d');
  }
  expect(new Set(made.map(({ networkKey }) => networkKey.reveal())).size).toBe(200);
  expect(() => newParameters({ ...entropy, bytes: (length) => Buffer.alloc(length) }, 15)).toThrow('randomness');
});

test('the record comes back as it was, and a damaged one is refused without a word of it', () => {
  const text = recordText(record());
  expect(parseRecord(bytes(text))).toEqual(record());
  for (const bad of ['', '{}', text.slice(0, -20), text.replace('15', '16'), text.replace('formed', 'forged'), '\0'.repeat(200)]) {
    const reason = (() => {
      try {
        parseRecord(bytes(bad));
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(reason, bad).not.toBeNull();
    expect(reason).not.toContain(OURS.networkKey.reveal());
  }
  expect(JSON.stringify(record())).not.toContain(OURS.networkKey.reveal());
});

test('a backup is read as the library writes it; what is cut, empty or of another format is refused', () => {
  const text = backupFile(backup());
  expect(parseBackup(bytes(text))).toEqual(backup());
  for (const bad of [
    '',
    'null',
    '{}',
    '[]',
    text.slice(0, 300),
    text.replace('open-coordinator', 'other'),
    text.replace('"channel": 15', '"channel": 9'),
  ])
    expect(() => parseBackup(bytes(bad)), bad).toThrow();
});

test('what the library would drop or stumble over is damage', () => {
  const lines = [coordinatorLine(), deviceLine(LOCK, 2)];
  const bad = [
    '{"id":3,"type":"EndDevice"}',
    deviceLine(SENSOR, 3).slice(0, 40),
    '\0'.repeat(100),
    deviceLine(SENSOR, 3, { endpoints: { 1: null } }),
    deviceLine(SENSOR, 3, { endpoints: { 1: { epId: 1, inClusterList: [], outClusterList: [], clusters: null } } }),
    deviceLine(SENSOR, 3, { ieeeAddr: undefined }),
    deviceLine(SENSOR, 2),
    deviceLine(LOCK, 3),
    '{"id":4,"type":"Group"}',
    'null',
    '[]',
  ];
  for (const line of bad) expect(parsed([...lines, line].join('\n')).damagedLines, line).toBe(1);
  expect(parsed(lines.join('\n'))).toMatchObject({ damagedLines: 0 });
  expect(pairedIn(parsed(lines.join('\n')))).toEqual([LOCK]);
});

const mended = (live: string | null, copy: string | null, known = backup()) =>
  mendDatabase(live === null ? null : parsed(live), copy === null ? null : parsed(copy), known);

test('a sound database stays as it is', () => {
  expect(mended(databaseFile(LOCK, SENSOR), databaseFile(LOCK, SENSOR))).toBeNull();
  expect(mended(databaseFile(LOCK, SENSOR), null)).toBeNull();
  expect(mended(databaseFile(LOCK, SENSOR), databaseFile(LOCK))).toBeNull();
});

test.each<[what: string, live: string | null]>([
  ['missing', null],
  ['empty', ''],
  ['zeros', '\0'.repeat(4096)],
  ['cut', databaseFile(LOCK, SENSOR).slice(0, -60)],
  ['older', databaseFile(LOCK)],
  ['of the coordinator alone', coordinatorLine()],
])('a database that is %s has every device again, from the copy', (_, live) => {
  const result = mended(live, databaseFile(LOCK, SENSOR))!;
  const again = parsed(result.text);
  expect(pairedIn(again).sort()).toEqual([LOCK, SENSOR]);
  expect(again.damagedLines).toBe(0);
  expect(result).toMatchObject({ devices: 2 });
});

test('a device that was paired after the copy was made stays, and no two lines have one id', () => {
  const young = '0x00158d0000000003';
  const live = [coordinatorLine(), deviceLine(young, 2), deviceLine(LOCK, 3).slice(0, -5)].join('\n');
  const again = parsed(mended(live, databaseFile(LOCK, SENSOR))!.text);
  expect(pairedIn(again).sort()).toEqual([LOCK, SENSOR, young]);
  expect(again.damagedLines).toBe(0);
});

test('without a copy the devices that the coordinator knows come back, to be interviewed when they are heard', () => {
  const result = mended('', null)!;
  expect(pairedIn(parsed(result.text)).sort()).toEqual([LOCK, SENSOR]);
  expect(result.text).toContain('"interviewState":"PENDING"');
});

test('another coordinator address does not make two coordinators', () => {
  const live = [coordinatorLine('00124b00aaaaaaaa'), deviceLine(LOCK, 2)].join('\n');
  const { text } = mended(live, databaseFile(LOCK, SENSOR))!;
  expect(text.match(/"Coordinator"/g)).toHaveLength(1);
});
