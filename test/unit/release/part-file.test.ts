import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPartFiles } from '../../../agent/release/part-file.ts';

const HASH = 'a'.repeat(64);
const signal = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Some of a part is here, of this version of the object. */
async function begun(etag: string) {
  const files = createPartFiles(folder);
  await files.begin(HASH, etag);
  await files.append(HASH, Readable.from([Buffer.from('some')]), signal);
  return files;
}

test.each(['"abc-1"', 'W/"abc"', '""'])('goes on with the version %s', async (etag) => {
  expect(await (await begun(etag)).partial(HASH)).toEqual({ bytes: 4, etag });
});

test.each([
  ['nothing', ''],
  ['zeros, as a power cut leaves them', '\0\0\0\0'],
  ['a header of its own', '"a"\r\nhost: elsewhere'],
  ['high bytes', '"\xff\xfe"'],
  ['no quotes', 'abc'],
  ['too much', `"${'a'.repeat(2_000)}"`],
])('a version that is %s: begins anew', async (_what, text) => {
  const files = await begun('"good"');
  await writeFile(join(folder, `${HASH}.etag`), Buffer.from(text, 'latin1'));
  expect(await files.partial(HASH)).toBeNull();
});

test.each(['.etag', '.zst'])('a FIFO in place of %s holds nothing up, and is replaced', async (suffix) => {
  const files = await begun('"good"');
  await rm(join(folder, HASH + suffix));
  execFileSync('mkfifo', [join(folder, HASH + suffix)]);
  expect(await files.partial(HASH)).toBeNull();
  await files.begin(HASH, '"new"');
  await files.append(HASH, Readable.from([Buffer.from('all of it')]), signal);
  expect(await files.partial(HASH)).toEqual({ bytes: 9, etag: '"new"' });
});
