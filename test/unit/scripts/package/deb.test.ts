import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { readTar, type TarEntry } from '../../../../agent/system/tar.ts';
import { type DebInput, writeDeb } from '../../../../scripts/package/deb.ts';
import { writeTar } from '../../../../scripts/package/tar.ts';

const file = (path: string, text: string, mode = 0o644): TarEntry => ({ path, kind: 'file', mode, data: Buffer.from(text) });
const LONG = `usr/share/${'a-long-folder-name/'.repeat(6)}a-file`;
const INPUT: DebInput = {
  fields: { Package: 'trial', Version: '1.0-1', Architecture: 'all', Maintainer: 'Nobody <nobody@localhost>', Description: 'a trial' },
  scripts: { postinst: Buffer.from('#!/bin/sh\n') },
  files: [file('usr/bin/trial', '#!/bin/sh\n', 0o755), file(LONG, 'x'.repeat(1_000)), file('etc/trial', '')],
  dateSeconds: 1_700_000_000,
  compressionLevel: 3,
};

const AR_MAGIC = '!<arch>\n';
const AR_HEADER_BYTES = 60;

/** Control files and contents of a package that `writeDeb` made. */
function readDeb(deb: Buffer): { control: TarEntry[]; files: TarEntry[] } {
  expect(deb.toString('latin1', 0, AR_MAGIC.length)).toBe(AR_MAGIC);
  const members = new Map<string, Buffer>();
  for (let at = AR_MAGIC.length; at + AR_HEADER_BYTES <= deb.length; ) {
    const header = deb.toString('latin1', at, at + AR_HEADER_BYTES);
    const size = Number(header.slice(48, 58));
    members.set(header.slice(0, 16).trim(), deb.subarray(at + AR_HEADER_BYTES, at + AR_HEADER_BYTES + size));
    at += AR_HEADER_BYTES + size + (size % 2);
  }
  const archive = (name: string) => {
    expect([...members.keys()]).toContain(name);
    return readTar(zstdDecompressSync(members.get(name)!));
  };
  return { control: archive('control.tar.zst'), files: archive('data.tar.zst') };
}

test('The same input in another order gives the same bytes', () => {
  expect(writeDeb({ ...INPUT, files: INPUT.files.toReversed() })).toEqual(writeDeb(INPUT));
});

test('What was put in is found inside, owned by nobody but root, with its folders', () => {
  const { control, files } = readDeb(writeDeb(INPUT));
  expect(control.map(({ path }) => path)).toEqual(['control', 'md5sums', 'postinst']);
  expect(control[0]!.data.toString()).toContain('Installed-Size: 3\n');
  expect(control[1]!.data.toString()).toContain('d41d8cd98f00b204e9800998ecf8427e  etc/trial\n');
  for (const wanted of INPUT.files) expect(files).toContainEqual(wanted);
  expect(files).toContainEqual({ path: 'usr/bin', kind: 'directory', mode: 0o755, data: Buffer.alloc(0) });
});

test('dpkg reads it', ({ skip }) => {
  const hasDpkg = (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      execFileSync(join(folder, 'dpkg-deb'), ['--version']);
      return true;
    } catch {
      return false;
    }
  });
  skip(!hasDpkg, 'dpkg-deb is not here');
  const folder = mkdtempSync(join(tmpdir(), 'deb-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'trial.deb');
  writeFileSync(path, writeDeb(INPUT));
  expect(execFileSync('dpkg-deb', ['--field', path, 'Version'], { encoding: 'utf8' }).trim()).toBe('1.0-1');
  execFileSync('dpkg-deb', ['--extract', path, join(folder, 'root')]);
  expect(execFileSync('sh', [join(folder, 'root/usr/bin/trial')], { encoding: 'utf8' })).toBe('');
  expect(execFileSync('cat', [join(folder, 'root', LONG)], { encoding: 'utf8' })).toHaveLength(1_000);
});

test('An archive that was cut or changed is refused', () => {
  const archive = writeTar(INPUT.files, 0);
  expect(() => readTar(archive.subarray(0, archive.length - 1_024))).toThrow('no end');
  const changed = Buffer.from(archive);
  changed[600] = 0x41;
  expect(() => readTar(changed)).toThrow('damaged');
});
