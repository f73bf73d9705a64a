import { expect, test } from 'vitest';
import { candidatesOf, fingerprintOf } from '../../../../../agent/nodes/osdp/keys/key-record.ts';
import { createKeyStore } from '../../../../../agent/nodes/osdp/keys/key-store.ts';
import { Secret } from '../../../../../agent/system/secret.ts';
import { createMemoryFiles } from '../../../../support/memory-files.ts';
import { createFakeLog } from '../../fakes.ts';

const PATH = '/state/osdp-keys-rs485.json';
const A = '0a'.repeat(16);
const B = '0b'.repeat(16);
const C = '0c'.repeat(16);
const revealed = (keys: readonly ('default' | Secret)[] | undefined) => keys?.map((key) => (key === 'default' ? key : key.reveal()));

function createRig() {
  const files = createMemoryFiles();
  const log = createFakeLog();
  return { files, log, store: createKeyStore({ path: PATH, files, log }) };
}

async function filled() {
  const rig = createRig();
  await rig.store.save(
    new Map([
      [5, { keys: [new Secret(A), 'default' as const], supersedes: null }],
      [6, { keys: [new Secret(B)], supersedes: fingerprintOf(new Secret(C)) }],
    ]),
  );
  return rig;
}

test('what was kept is there again', async () => {
  const { store } = await filled();
  const records = await store.load();
  expect(revealed(records.get(5)?.keys)).toEqual([A, 'default']);
  expect(revealed(records.get(6)?.keys)).toEqual([B]);
  expect(records.get(6)?.supersedes).toBe(fingerprintOf(new Secret(C.toUpperCase())));
});

test('a damaged entry takes no other with it, and no key gets into the log', async () => {
  const { files, log, store } = await filled();
  files.content.set(
    PATH,
    Buffer.from(
      files.content
        .get(PATH)!
        .toString()
        .replace(A, `${A.slice(0, -1)}e`),
    ),
  );
  expect([...(await store.load()).keys()]).toEqual([6]);
  expect(log.lines).toMatchObject([{ level: 'error', event: 'osdp_keys_damaged', kept: 1, lost: 1 }]);
  expect(JSON.stringify(log.lines)).not.toMatch(/(0[abc]){8}/);
});

test.each(['', '[]', '{"version":2,"entries":[]}', 'null', `{"version":1,"entries":"${A}"}`])(
  'a file with %j is kept aside where no reset of the state takes it',
  async (text) => {
    const { files, log, store } = createRig();
    files.content.set(PATH, Buffer.from(text));
    expect((await store.load()).size).toBe(0);
    expect([...files.content.keys()]).toEqual([`${PATH}.damaged`]);
    expect(log.events()).toEqual(['osdp_keys_damaged']);
  },
);

test('a disk that fails is an error, not a bus without keys', async () => {
  const { files, store } = await filled();
  files.broken = true;
  await expect(store.load()).rejects.toMatchObject({ code: 'storage_failed' });
  files.full = true;
  await expect(store.save(new Map())).rejects.toMatchObject({ code: 'storage_failed' });
});

test.each([
  ['nothing known', undefined, undefined, false, []],
  ['the default key by opt-in', undefined, undefined, true, ['default']],
  ['the key file alone', undefined, A, true, [A]],
  ['a key in the place of the file', { keys: [B], over: A }, A, true, [B]],
  ['a file that was changed since', { keys: [B], over: A }, C, false, [C, B]],
  ['a file that has the kept key now', { keys: [B], over: A }, B, false, [B]],
  ['a file without the key now', { keys: [B], over: A }, undefined, true, [B]],
  ['a key that is being replaced', { keys: [B, A], over: A }, A, false, [B, A]],
] as const)('the keys to try, with %s', (_what, record, configured, allowDefault, expected) => {
  const kept = record && { keys: record.keys.map((key) => new Secret(key)), supersedes: fingerprintOf(new Secret(record.over)) };
  expect(revealed(candidatesOf(kept, configured === undefined ? undefined : new Secret(configured), allowDefault))).toEqual(expected);
});
