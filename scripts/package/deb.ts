import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import type { TarEntry } from '../../agent/system/tar.ts';
import { writeTar } from './tar.ts';

/** What makes a package. */
export interface DebInput {
  /** Fields of the control file in order; `Installed-Size` is added. */
  fields: Readonly<Record<string, string>>;
  /** Maintainer scripts by name: `postinst`, `prerm`, `postrm`. */
  scripts: Readonly<Record<string, Buffer>>;
  files: readonly TarEntry[];
  /** Every time stamp inside, in seconds since the epoch. */
  dateSeconds: number;
  /** Of zstd, 1 to 19. */
  compressionLevel: number;
}

const AR_MAGIC = '!<arch>\n';

function arMember(name: string, data: Buffer, dateSeconds: number): Buffer {
  const header = [
    name.padEnd(16),
    String(dateSeconds).padEnd(12),
    '0'.padEnd(6),
    '0'.padEnd(6),
    '100644'.padEnd(8),
    String(data.length).padEnd(10),
    '`\n',
  ];
  return Buffer.concat([Buffer.from(header.join('')), data, Buffer.alloc(data.length % 2, '\n')]);
}

/** zstd comes with the pinned Node, so the bytes are the same on every machine; dpkg reads it since 1.21.18 (Debian 12 has 1.21.22). */
function compress(data: Buffer, level: number): Buffer {
  return zstdCompressSync(data, { params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 } });
}

/** deb-src-control(5) counts kibibytes, each file rounded up, and one for each folder or link. */
function installedKibibytes(files: readonly TarEntry[]): number {
  return files.reduce((sum, { data }) => sum + Math.max(1, Math.ceil(data.length / 1024)), 0);
}

/** A Debian package (deb(5), format 2.0). The same input gives the same bytes. */
export function writeDeb({ fields, scripts, files, dateSeconds, compressionLevel }: DebInput): Buffer {
  const control = Object.entries({ ...fields, 'Installed-Size': String(installedKibibytes(files)) })
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
  const sums = files
    .filter(({ kind }) => kind === 'file')
    .map(({ path, data }) => `${createHash('md5').update(data).digest('hex')}  ${path}\n`)
    .sort();
  const controlFiles: TarEntry[] = [
    { path: 'control', kind: 'file', mode: 0o644, data: Buffer.from(control) },
    { path: 'md5sums', kind: 'file', mode: 0o644, data: Buffer.from(sums.join('')) },
    ...Object.entries(scripts).map(([path, data]): TarEntry => ({ path, kind: 'file', mode: 0o755, data })),
  ];
  return Buffer.concat([
    Buffer.from(AR_MAGIC),
    arMember('debian-binary', Buffer.from('2.0\n'), dateSeconds),
    arMember('control.tar.zst', compress(writeTar(controlFiles, dateSeconds), compressionLevel), dateSeconds),
    arMember('data.tar.zst', compress(writeTar(files, dateSeconds), compressionLevel), dateSeconds),
  ]);
}
