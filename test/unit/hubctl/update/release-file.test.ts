import { execFileSync } from 'node:child_process';
import { createHash, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { handOver, inTurn } from '../../../../agent/hubctl/update/hand-over.ts';
import { type ReleaseFile, withReleaseFile } from '../../../../agent/hubctl/update/release-file.ts';
import { type Manifest, manifestText } from '../../../../agent/release/manifest.ts';
import { createPartFiles, type PartFiles } from '../../../../agent/release/part-file.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { createFiles } from '../../../../agent/system/files.ts';
import { createProcessLock } from '../../../../agent/system/process-lock.ts';
import { packTar } from '../../../../agent/system/tar.ts';
import { filesOf, manifestOf, signed, trusted } from '../../updater/hub.ts';

const FILES = { ...filesOf('stick'), 'hub-agent.cjs': 'agent of the stick '.repeat(20_000) };
const MANIFEST = manifestOf(20, FILES);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const never = new AbortController().signal;

let folder: string;
let update: string;
let path: string;
let parts: PartFiles;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'release-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  update = join(folder, 'update');
  path = join(folder, 'stick.release');
  parts = createPartFiles(join(update, 'parts'));
});

/** The file of a release; `streams` in place of the parts' own. */
function pack({
  manifest = MANIFEST,
  signature = signed(manifestText(manifest)),
  streams = Object.values(FILES).map((text): [string, Buffer] => [sha256(text), zstdCompressSync(text)]),
}: {
  manifest?: Manifest;
  signature?: string;
  streams?: [string, Buffer][];
} = {}): Buffer {
  const file = (name: string, data: Buffer | string) => ({
    path: name,
    kind: 'file' as const,
    mode: 0o644,
    data: Buffer.from(data as string),
  });
  return packTar(
    [
      file('release.json', manifestText(manifest)),
      file('release.sig', `${signature}\n`),
      ...streams.map(([hash, data]) => ({ path: `parts/${hash}.zst`, kind: 'file' as const, mode: 0o644, data })),
    ],
    0,
  );
}

/** As `hubctl update apply` does it, without the updater. */
async function apply({
  keys = [trusted] as KeyObject[],
  files = createFiles(),
  use = parts as PartFiles,
  meanwhile = () => {},
} = {}): Promise<string> {
  const deps = { folder: update, parts: use, files, signal: never };
  try {
    await withReleaseFile(path, keys, async (release) => {
      meanwhile();
      await inTurn({ ...deps, lock: createProcessLock(update) }, () =>
        handOver(deps, { path, release, missing: release.manifest.parts, attempt: 'local:1' }),
      );
    });
    return 'handed over';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Files below the update folder. */
const left = () =>
  existsSync(update)
    ? readdirSync(update, { recursive: true, withFileTypes: true })
        .filter((each) => each.isFile())
        .map(({ name }) => name)
    : [];

test('A release is handed over: its parts by their hash, unpacked, and the request', async () => {
  writeFileSync(path, pack());
  expect(await apply()).toBe('handed over');
  expect(left().sort()).toEqual([...Object.values(FILES).map(sha256), 'request.json'].sort());
  expect(readFileSync(join(update, 'parts', sha256(FILES['hub-agent.cjs'])), 'utf8')).toBe(FILES['hub-agent.cjs']);
});

test('Parts are unpacked one after the other: no second one is read before the first is written', async () => {
  writeFileSync(path, pack());
  const order: string[] = [];
  const watched: PartFiles = {
    ...parts,
    async unpack(part, packed, signal) {
      order.push('begins');
      const good = await parts.unpack(part, packed, signal);
      order.push('ends');
      return good;
    },
  };
  await apply({ use: watched });
  expect(order).toEqual(MANIFEST.parts.flatMap(() => ['begins', 'ends']));
});

describe('What cannot be a release is named, and leaves nothing behind', () => {
  test.each<[string, () => void, RegExp]>([
    ['a directory', () => mkdirSync(path), /is a directory/],
    ['a FIFO', () => void execFileSync('mkfifo', [path]), /is not a regular file/],
    [
      'a link to a release',
      () => {
        writeFileSync(join(folder, 'real'), pack());
        symlinkSync(join(folder, 'real'), path);
      },
      /is a symbolic link\. Name the file/,
    ],
    ['a link to nothing', () => symlinkSync(join(folder, 'nothing'), path), /is a symbolic link/],
    ['nothing', () => {}, /does not exist/],
    ['an empty file', () => writeFileSync(path, ''), /is no release: The tar archive has no end/],
    ['a text', () => writeFileSync(path, 'release '.repeat(200)), /is no release: The tar archive is damaged/],
    [
      'a large file',
      () => {
        writeFileSync(path, '');
        truncateSync(path, 129 * 1024 * 1024);
      },
      /larger than/,
    ],
    ['zeros', () => writeFileSync(path, Buffer.alloc(10_000)), /is no release: it has no release\.json/],
    ['without a signature', () => writeFileSync(path, pack({ signature: '' })), /is not signed by a key that this hub trusts/],
    ['signed for another manifest', () => writeFileSync(path, pack({ signature: signed('x') })), /is not signed by a key/],
    [
      'with a part of another',
      () => writeFileSync(path, pack({ streams: MANIFEST.parts.map((part) => [part.sha256, zstdCompressSync('x')]) })),
      /is not what was packed/,
    ],
    ['without a part', () => writeFileSync(path, pack({ streams: [] })), /it has no node, and the hub neither/],
    [
      'with a part that is no zstd stream',
      () => writeFileSync(path, pack({ streams: MANIFEST.parts.map((part) => [part.sha256, Buffer.from('no zstd')]) })),
      /is not what was packed/,
    ],
    [
      'with a manifest that is too large',
      () => writeFileSync(path, packTar([{ path: 'release.json', kind: 'file', mode: 0o644, data: Buffer.alloc(100_000, ' ') }], 0)),
      /its release\.json is too large/,
    ],
    [
      'with thousands of members',
      () =>
        writeFileSync(
          path,
          packTar(
            Array.from({ length: 5_000 }, (_, n) => ({ path: `${n}`, kind: 'file' as const, mode: 0, data: Buffer.alloc(0) })),
            0,
          ),
        ),
      /more than 64 members/,
    ],
  ])('%s', async (_, make, words) => {
    make();
    expect(await apply()).toMatch(words);
    expect(left()).toEqual([]);
  });

  test('/dev/zero and /dev/full', async () => {
    for (const device of ['/dev/zero', '/dev/full']) {
      path = device;
      expect(await apply()).toMatch(/is not a regular file/);
    }
  });

  test('a release of a hub without keys', async () => {
    writeFileSync(path, pack());
    expect(await apply({ keys: [] })).toMatch(/trusts \(it has 0\)/);
    expect(left()).toEqual([]);
  });

  test('one that is cut at any block', async () => {
    const whole = pack();
    for (let bytes = 0; bytes < whole.length - 512; bytes += 512) {
      writeFileSync(path, whole.subarray(0, bytes + (bytes % 3)));
      expect(await apply(), `${bytes}`).toMatch(/is no release/);
    }
    expect(left()).toEqual([]);
  });
});

test('A bomb ends at the size that was signed: 1 GB from 32 KB is not unpacked', async () => {
  const bomb = zstdCompressSync(Buffer.alloc(1_000_000_000));
  writeFileSync(path, pack({ streams: MANIFEST.parts.map((part) => [part.sha256, bomb]) }));
  let most = 0;
  const watched: PartFiles = {
    ...parts,
    unpack: (part, packed, signal) =>
      parts.unpack(
        part,
        (async function* () {
          for await (const chunk of packed) {
            yield chunk;
            most = Math.max(most, process.memoryUsage().arrayBuffers);
          }
        })(),
        signal,
      ),
  };
  const before = process.memoryUsage().arrayBuffers;
  expect(await apply({ use: watched })).toMatch(/is not what was packed/);
  expect(left()).toEqual([]);
  expect(most - before).toBeLessThan(50_000_000);
});

test('The file is cut while it is read: nothing is left of it', async () => {
  writeFileSync(path, pack());
  expect(await apply({ meanwhile: () => truncateSync(path, 4_096) })).toMatch(/is no release: it ends too soon\. Copy it again\./);
  expect(left()).toEqual([]);
});

test('The stick is pulled while a part is read: nothing is left of it', async () => {
  const release: ReleaseFile = {
    manifest: MANIFEST,
    text: manifestText(MANIFEST),
    signature: signed(manifestText(MANIFEST)),
    part: () =>
      (async function* () {
        yield zstdCompressSync(FILES['hub-agent.cjs']).subarray(0, 20);
        throw new HubError('storage_failed', 'it cannot be read (EIO)');
      })(),
  };
  const deps = { folder: update, parts, files: createFiles(), signal: never };
  await expect(handOver(deps, { path, release, missing: MANIFEST.parts, attempt: 'local:1' })).rejects.toThrow(/EIO/);
  expect(left()).toEqual([]);
});

/** A disk that is full from its call of that number on. */
function full(from: number) {
  let calls = 0;
  const spend = () => {
    calls += 1;
    if (calls > from) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  const files = createFiles();
  return {
    calls: () => calls,
    use: {
      ...parts,
      async open() {
        spend();
        await parts.open();
      },
      async unpack(...args: Parameters<PartFiles['unpack']>) {
        spend();
        return parts.unpack(...args);
      },
    },
    files: {
      ...files,
      async writeAtomic(...args: Parameters<typeof files.writeAtomic>) {
        spend();
        await files.writeAtomic(...args);
      },
    },
  };
}

test('The disk is full at any call: it is named, with what to do, and nothing is left', async () => {
  writeFileSync(path, pack());
  const whole = full(Number.POSITIVE_INFINITY);
  expect(await apply(whole)).toBe('handed over');
  expect(whole.calls()).toBe(MANIFEST.parts.length + 2);
  for (let from = 0; from < whole.calls(); from += 1) {
    rmSync(update, { recursive: true, force: true });
    expect(await apply(full(from)), `${from}`).toMatch(/is full \(ENOSPC\)\. Nothing was installed\. Look with: df -h/);
    expect(left(), `${from}`).toEqual([]);
  }
});
