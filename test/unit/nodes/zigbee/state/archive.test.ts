import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { recordText } from '../../../../../agent/nodes/zigbee/state/network-record.ts';
import { zigbeePlaces } from '../../../../../agent/nodes/zigbee/state/places.ts';
import { createVault } from '../../../../../agent/nodes/zigbee/state/vault.ts';
import { createFiles, type Files } from '../../../../../agent/system/files.ts';
import { createMemoryFiles, type MemoryFiles } from '../../../../support/memory-files.ts';
import { backup, backupFile, databaseFile, LOCK, OTHER, record, SENSOR } from '../samples.ts';

const places = zigbeePlaces('/state', 'zb');
const NETWORK: ReadonlyMap<string, Buffer> = new Map(
  Object.entries({
    [places.record]: recordText(record()),
    [places.recordCopy]: recordText(record()),
    [places.database]: databaseFile(LOCK, SENSOR),
    [places.databaseCopy]: databaseFile(LOCK, SENSOR),
    [places.backup]: backupFile(backup()),
    [places.backupCopy]: backupFile(backup()),
    [places.reports]: '{}',
  }).map(([path, text]) => [path, Buffer.from(text)]),
);
const NAMES = [...NETWORK.keys()].map((path) => basename(path)).sort();
const EIO = () => Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });

const createNetwork = () => createMemoryFiles(new Map(NETWORK));
const vaultOn = (files: Files) => createVault({ files, places });
/** Names of the network's files in a folder. */
const namesIn = (files: MemoryFiles, folder: string) =>
  [...files.content.keys()]
    .filter((path) => path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/'))
    .map((path) => basename(path))
    .filter((name) => name !== 'README')
    .sort();

test('files that cannot be read are put away as they are', async () => {
  const files = createNetwork();
  const unreadable = [places.record, places.recordCopy, places.backup];
  const read: Files['read'] = async (path, options) => {
    if (unreadable.includes(path)) throw EIO();
    return files.read(path, options);
  };
  await vaultOn({ ...files, read }).archive();
  expect(namesIn(files, places.folder)).toEqual([]);
  expect(namesIn(files, places.previous)).toEqual(NAMES);
  for (const [path, data] of NETWORK) expect(files.content.get(join(places.previous, basename(path)))).toEqual(data);
});

test('only the last network is kept', async () => {
  const files = createNetwork();
  await vaultOn(files).archive();
  await vaultOn(files).saveRecord(record({ ...OTHER }));
  await vaultOn(files).archive();
  expect(namesIn(files, places.previous)).toEqual(['network.copy.json', 'network.json']);
  expect(files.content.get(join(places.previous, 'network.json'))!.toString('utf8')).toBe(recordText(record({ ...OTHER })));
});

test.each(NAMES.map((_, index) => index))(
  'a disk that fails at move %i leaves everything where it was, with what was kept before',
  async (failing) => {
    const files = createNetwork();
    files.content.set(join(places.previous, 'network.json'), Buffer.from('before'));
    let moves = 0;
    const rename: Files['rename'] = async (from, to) => {
      if (moves++ === failing) throw EIO();
      return files.rename(from, to);
    };
    await expect(vaultOn({ ...files, rename }).archive()).rejects.toMatchObject({ code: 'EIO' });
    expect(namesIn(files, places.folder)).toEqual(NAMES);
    expect(files.content.get(join(places.previous, 'network.json'))!.toString()).toBe('before');
  },
);

test('a disk without room is found out before anything is moved', async () => {
  const files = createNetwork();
  files.full = true;
  await expect(vaultOn(files).archive()).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(files.content).toEqual(NETWORK);
});

test('after a power cut at any step everything is in the folder again, or everything is put away', async () => {
  const steps = NAMES.length + 4;
  const outcomes: string[] = [];
  for (let last = 0; last <= steps; last += 1) {
    const files = createNetwork();
    let done = 0;
    const ends =
      <Args extends unknown[], T>(run: (...args: Args) => Promise<T>) =>
      async (...args: Args): Promise<T> =>
        done++ < last ? run(...args) : Promise.reject(new Error('cut'));
    const cut = { ...files, rename: ends(files.rename), remove: ends(files.remove), writeAtomic: ends(files.writeAtomic) };
    await vaultOn(cut)
      .archive()
      .catch(() => {});
    const after = createMemoryFiles(new Map(files.content));
    const { record: found } = await vaultOn(after).read();
    const [here, away] = [namesIn(after, places.folder), namesIn(after, places.previous)];
    expect([...here, ...away], `cut after ${last} steps`).toEqual(NAMES);
    expect(here.length === 0 || away.length === 0).toBe(true);
    expect(namesIn(after, places.archiving)).toEqual([]);
    outcomes.push(found.state);
  }
  expect(new Set(outcomes)).toEqual(new Set(['sound', 'absent']));
});

test('on a real disk links and folders are put away too, and what a link leads to stays', async () => {
  const root = mkdtempSync(join(tmpdir(), 'zigbee-archive-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const real = zigbeePlaces(root, 'zb');
  mkdirSync(join(real.folder, 'damaged-database.db'), { recursive: true });
  writeFileSync(join(real.folder, 'damaged-database.db/x'), 'x');
  writeFileSync(join(root, 'elsewhere'), 'mine');
  symlinkSync(join(root, 'elsewhere'), real.backup);
  writeFileSync(real.record, 'record');
  // Neither a folder nor half an archive.
  writeFileSync(real.archiving, 'odd');
  const vault = createVault({ files: createFiles(), places: real });
  await vault.archive();
  expect(readdirSync(real.folder)).toEqual(['previous']);
  expect(readdirSync(real.previous).sort()).toEqual(['README', 'coordinator_backup.json', 'damaged-database.db', 'network.json']);
  expect(readFileSync(join(real.previous, 'damaged-database.db/x'), 'utf8')).toBe('x');
  expect(lstatSync(join(real.previous, 'coordinator_backup.json')).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(root, 'elsewhere'), 'utf8')).toBe('mine');
  expect((await vault.read()).record.state).toBe('absent');
});
