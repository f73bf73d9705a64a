import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Decision, decide, type Evidence } from '../../../../../agent/nodes/zigbee/state/decision.ts';
import { recordText } from '../../../../../agent/nodes/zigbee/state/network-record.ts';
import { zigbeePlaces } from '../../../../../agent/nodes/zigbee/state/places.ts';
import { createVault } from '../../../../../agent/nodes/zigbee/state/vault.ts';
import { UnusableFile } from '../../../../../agent/system/regular-file.ts';
import { createMemoryFiles } from '../../../../support/memory-files.ts';
import { backup, backupFile, databaseFile, LOCK, OTHER, OURS, PATH, record, SENSOR, STICK } from '../samples.ts';

const places = zigbeePlaces('/state', 'zb');

function rig(content: Partial<Record<keyof typeof places, string>> = {}) {
  const files = createMemoryFiles();
  const put = (name: keyof typeof places, text: string) => files.content.set(places[name], Buffer.from(text));
  for (const [name, text] of Object.entries(content)) put(name as keyof typeof places, text);
  const text = (name: keyof typeof places) => files.content.get(places[name])?.toString('utf8') ?? null;
  return { files, put, text, vault: createVault({ files, places }) };
}

const healthy = () =>
  rig({
    record: recordText(record()),
    recordCopy: recordText(record()),
    database: databaseFile(LOCK, SENSOR),
    databaseCopy: databaseFile(LOCK, SENSOR),
    backup: backupFile(backup()),
    backupCopy: backupFile(backup()),
  });

const stick = {
  kind: 'network',
  coordinator: STICK,
  panId: OURS.panId,
  extendedPanId: OURS.extendedPanId,
  channel: 15,
  isOurKey: true,
} as const;

async function started({ vault }: ReturnType<typeof rig>, changes: Partial<Evidence> = {}) {
  const stored = await vault.read();
  const decision = decide({ adapter: 'zstack', path: PATH, stick, ...stored, ...changes }, 'none') as Decision & { action: 'start' };
  expect(decision.action).toBe('start');
  return { decision, mended: await vault.prepare(decision, stored) };
}

test('a healthy folder is left as it is', async () => {
  const hub = healthy();
  const before = new Map(hub.files.content);
  expect((await started(hub)).mended).toBeNull();
  expect(hub.files.content).toEqual(before);
});

test.each(['record', 'recordCopy'] as const)('a record whose file %s is damaged is read from the other one', async (name) => {
  const hub = healthy();
  hub.put(name, '{"cut');
  expect((await hub.vault.read()).record).toMatchObject({ state: 'sound' });
});

test('the copies go back in place of what is damaged', async () => {
  const hub = healthy();
  hub.put('backup', '');
  hub.put('database', '\0'.repeat(100));
  hub.files.content.set(join(places.folder, 'database.db.tmp.2026'), Buffer.from('cut'));
  const { decision, mended } = await started(hub);
  expect(decision.repairs).toEqual(['backup_from_copy']);
  expect(mended).toMatchObject({ devices: 2, recovered: 2 });
  expect(hub.text('backup')).toBe(backupFile(backup()));
  expect([...hub.files.content.keys()].filter((path) => path.includes('.tmp'))).toEqual([]);
});

test('a backup of another network is out of the way before the library can read it', async () => {
  const hub = healthy();
  hub.put('backup', backupFile(backup(OTHER)));
  hub.files.content.delete(places.backupCopy);
  const { decision } = await started(hub);
  expect(decision.backup).toBeNull();
  expect(hub.text('backup')).toBeNull();
});

test('what stands in the place of the database is out of the way before the library can follow or read it', async () => {
  const hub = rig({ record: recordText(record({ devices: 0 })), backup: backupFile(backup(OURS, { devices: [] })), database: 'huge' });
  const read = hub.files.read;
  hub.files.read = async (path, options) => {
    if (path === places.database) throw new UnusableFile('ERR_FILE_TOO_LARGE', path, `${path} is too large`);
    return read(path, options);
  };
  await started(hub);
  expect(hub.text('database')).toBeNull();
});

test('a database of which no line is sound does not reach the library', async () => {
  const hub = rig({
    record: recordText(record({ devices: 0 })),
    backup: backupFile(backup(OURS, { devices: [] })),
    database: '{"id":1}\n[]',
  });
  expect((await started(hub)).mended).toEqual({ text: '', devices: 0, recovered: 0 });
  expect(hub.text('database')).toBe('');
});

test('a disk that cannot be read is no network that was never formed', async () => {
  const hub = healthy();
  hub.files.broken = true;
  await expect(hub.vault.read()).rejects.toThrow('EIO');
});

test('what the library saved is kept when it is sound and of this network', async () => {
  const hub = healthy();
  const more = '0x00158d0000000003';
  hub.put('database', databaseFile(LOCK, SENSOR, more));
  const kept = await hub.vault.keep(record(), new Set(), 5000);
  expect(kept).toMatchObject({ backup: 'kept', database: 'kept', missing: [], record: { devices: 3, savedAt: 5000 } });
  expect(hub.text('databaseCopy')).toContain(more);
  expect(await hub.vault.read()).toMatchObject({ record: { state: 'sound', value: { devices: 3 } } });
});

test.each<[what: string, name: 'database' | 'backup', text: string]>([
  ['an empty database', 'database', ''],
  ['a cut database', 'database', databaseFile(LOCK, SENSOR).slice(0, -30)],
  ['an empty backup', 'backup', ''],
  ['a backup of another network', 'backup', backupFile(backup(OTHER))],
  ['a backup of a stick that lost its memory', 'backup', backupFile(backup(OURS, { frameCounter: 7 }))],
])('%s never replaces the good copy', async (_, name, text) => {
  const hub = healthy();
  hub.put(name, text);
  const kept = await hub.vault.keep(record(), new Set(), 5000);
  expect(kept[name]).toBe('unusable');
  expect(hub.text(`${name}Copy`)).toBe(name === 'database' ? databaseFile(LOCK, SENSOR) : backupFile(backup()));
  expect(kept.record.savedAt).toBe(1);
});

test('a device that is listed no more stays in the copy, unless it left', async () => {
  const hub = healthy();
  hub.put('database', databaseFile(LOCK));
  expect(await hub.vault.keep(record(), new Set(), 5000)).toMatchObject({ database: 'unusable', missing: [SENSOR] });
  expect(hub.text('databaseCopy')).toContain(SENSOR);
  expect(await hub.vault.keep(record(), new Set([SENSOR]), 5000)).toMatchObject({ database: 'kept', missing: [] });
  expect(hub.text('databaseCopy')).not.toContain(SENSOR);
});

test('what a new network replaces is put away', async () => {
  const hub = healthy();
  await hub.vault.archive();
  const names = [...hub.files.content.keys()];
  expect(names.every((path) => path.startsWith(`${places.previous}/`))).toBe(true);
  expect(names).toContain(join(places.previous, 'backup.copy'));
});

test('power cuts at every write of a save leave a record, and a database and a backup of this network', async () => {
  for (let write = 0; write < 4; write++) {
    for (const bytes of [0, 1, 40]) {
      const hub = healthy();
      hub.files.cut = { write, bytes };
      void hub.vault.keep(record({ savedAt: 2 }), new Set(), 5000);
      while (!hub.files.dead) await new Promise((resolve) => setImmediate(resolve));
      const after = createVault({ files: createMemoryFiles(new Map(hub.files.content)), places });
      const { decision } = await started({ ...hub, vault: after });
      expect(decision).toMatchObject({ expects: 'resumed', record: { panId: OURS.panId } });
      expect((await after.read()).knownDevices).toBe(2);
    }
  }
});

test.each(['record', 'database', 'backup'] as const)(
  'a %s of another user is no damage: nothing is started with, and it stays',
  async (name) => {
    const hub = healthy();
    const before = new Map(hub.files.content);
    hub.files.denied.add(places[name]);
    await expect(hub.vault.read()).rejects.toMatchObject({ code: 'EACCES', path: places[name] });
    expect(hub.files.content).toEqual(before);
  },
);

test.each([
  ['databaseCopy', 'database'],
  ['backupCopy', 'backup'],
] as const)('a %s of another user is needed only when its %s is not sound, and is never replaced', async (name, live) => {
  const hub = healthy();
  hub.files.denied.add(places[name]);
  expect((await started(hub)).mended).toBeNull();
  await expect(hub.vault.keep(record(), new Set(), 5)).rejects.toMatchObject({ code: 'EACCES', path: places[name] });
  expect(hub.files.denied).toContain(places[name]);
  hub.put(live, '{"cut');
  await expect(hub.vault.read()).rejects.toMatchObject({ code: 'EACCES', path: places[name] });
});
