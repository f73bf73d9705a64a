import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadOsdpKeys } from '../../../agent/config/osdp-keys.ts';
import { HubError } from '../../../agent/system/errors.ts';

const KEY = '000102030405060708090A0b0c0d0e0f';
let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'osdp-keys-'));
  path = join(directory, 'keys.json');
});
afterEach(() => rm(directory, { recursive: true }));

async function write(content: string, mode = 0o600) {
  await writeFile(path, content);
  await chmod(path, mode);
}

async function failure(options?: { guarded: boolean }): Promise<HubError> {
  const error = await loadOsdpKeys(path, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HubError);
  expect((error as HubError).code).toBe('config_invalid');
  expect((error as HubError).message).toContain(path);
  return error as HubError;
}

test('keys are read by address and stay secret', async () => {
  await write(JSON.stringify({ 0: KEY, 126: KEY }));
  const keys = await loadOsdpKeys(path);
  expect([...keys.keys()]).toEqual([0, 126]);
  expect(keys.get(126)!.reveal()).toBe(KEY);
  expect(JSON.stringify([...keys])).not.toContain(KEY);
});

test.each([0o640, 0o604, 0o620, 0o644])('a key file with mode %o is refused, with the command that mends it', async (mode) => {
  await write(JSON.stringify({ 5: KEY }), mode);
  expect((await failure()).message).toContain(`chmod 0600 ${path}`);
});

test('a file that the service manager guards may have group bits', async () => {
  await write(JSON.stringify({ 5: KEY }), 0o440);
  expect((await loadOsdpKeys(path, { guarded: true })).size).toBe(1);
});

test('a missing file is named', async () => {
  expect((await failure()).message).toContain('ENOENT');
});

test('a folder in its place is named', async () => {
  await mkdir(path);
  await chmod(path, 0o700);
  expect((await failure()).message).toContain('regular file');
});

test.each([`{"5": "${KEY}"`, `["${KEY}"]`, 'null', `"${KEY}"`])('%s is no key file, and the error does not quote it', async (content) => {
  await write(content);
  const error = await failure();
  expect(error.message).not.toContain(KEY);
  expect(String(error.cause)).not.toContain(KEY);
});

test('every wrong entry is named, and no key', async () => {
  await write(JSON.stringify({ 127: KEY, '0x5': KEY, '05': KEY, 6: `${KEY}00`, 7: 12, 8: KEY }));
  const error = await failure();
  expect(error.details.map((problem) => problem.field).sort()).toEqual(['05', '0x5', '127', '6', '7']);
  expect(error.message).not.toContain(KEY);
});

test('the public default key is no own key: the remedy is named, the key is not', async () => {
  await write(JSON.stringify({ 5: KEY, 6: '303132333435363738393A3b3c3d3e3f' }));
  const error = await failure();
  expect(error.details.map((problem) => problem.field)).toEqual(['6']);
  expect(error.message).toContain('allowDefaultKey');
  expect(error.message).not.toContain('30313233');
});

test('a file beyond all reason is not read', async () => {
  await write(`{"5": "${KEY}"${' '.repeat(70_000)}}`);
  expect((await failure()).message).toContain('larger');
});

test('a byte order mark at the beginning is dropped', async () => {
  await write(`\ufeff${JSON.stringify({ 5: KEY })}`);
  expect((await loadOsdpKeys(path)).get(5)!.reveal()).toBe(KEY);
});

test.each([
  ['written alike', `{"5": "${KEY}", "6": "${KEY}", "5": "${'a'.repeat(32)}"}`],
  ['one of them escaped', `{"5": "${KEY}", "\\u0035": "${KEY}"}`],
  ['with spaces before the colon', `{"5" : "${KEY}",\n"5"\t: "${KEY}"}`],
])('an address with two keys is refused (%s), and no key is quoted', async (_what, text) => {
  await write(text);
  const error = await failure();
  expect(error.message).toContain('address 5 stands more than once');
  expect(error.message).not.toContain(KEY);
});

test('a key in the place of its address is not quoted', async () => {
  await write(JSON.stringify({ [KEY]: '5' }));
  expect(JSON.stringify([(await failure()).message, (await failure()).details])).not.toContain(KEY);
});

test('text in UTF-16 is named as such a text', async () => {
  await writeFile(path, Buffer.from(`\ufeff${JSON.stringify({ 5: KEY })}`, 'utf16le'), { mode: 0o600 });
  expect((await failure()).message).toContain('UTF-8');
});
