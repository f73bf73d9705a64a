import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A library that is compiled into a binary of the package and is no npm package itself. */
export interface Linked {
  name: string;
  /** SPDX expression, by the library's own licence file. */
  licence: string;
  /** Where its source is. */
  source: string;
  /** Its notice in scripts/package/notices. */
  notice: string;
  /** The library inside which its source lies; default: aws-crt itself. */
  within?: string;
  /** A text of it that every binary with it contains, where no path of its source does. */
  mark?: string;
}

const RUNTIME = 'aws-common-runtime.txt';
const runtime = (name: string): Linked => ({ name, licence: 'Apache-2.0', source: `https://github.com/awslabs/${name}`, notice: RUNTIME });

/**
 * What aws-crt's binary contains. Its npm package names none of it; the list is the submodules of aws-crt-nodejs that are built on Linux, and
 * what aws-c-common carries in source/external.
 */
export const LINKED: readonly Linked[] = [
  runtime('aws-c-auth'),
  runtime('aws-c-cal'),
  runtime('aws-c-common'),
  runtime('aws-c-compression'),
  runtime('aws-c-event-stream'),
  runtime('aws-c-http'),
  runtime('aws-c-io'),
  runtime('aws-c-mqtt'),
  runtime('aws-c-sdkutils'),
  runtime('aws-checksums'),
  {
    name: 'aws-lc',
    licence: '(Apache-2.0 OR ISC) AND OpenSSL AND MIT AND BSD-3-Clause',
    source: 'https://github.com/aws/aws-lc',
    notice: 'aws-lc.txt',
  },
  { name: 's2n', licence: 'Apache-2.0', source: 'https://github.com/aws/s2n-tls', notice: RUNTIME },
  {
    name: 'cJSON',
    licence: 'MIT',
    source: 'https://github.com/DaveGamble/cJSON',
    notice: 'cjson.txt',
    within: 'aws-c-common',
    mark: '%1.15g',
  },
  {
    name: 'libcbor',
    licence: 'MIT',
    source: 'https://github.com/PJK/libcbor',
    notice: 'libcbor.txt',
    within: 'aws-c-common',
    mark: 'AWS_ERROR_INVALID_CBOR',
  },
];

/** A source file of a submodule, as assertions in the binary name it. */
const SUBMODULE = /\/aws-crt-nodejs\/crt\/([A-Za-z0-9_.-]+)\//g;

/**
 * The libraries in a binary of aws-crt that `LINKED` does not know, as the paths in it name them. An update of the SDK must not bring in a
 * library without its licence.
 */
export function unknownLibraries(binary: Buffer): string[] {
  const found = new Set([...binary.toString('latin1').matchAll(SUBMODULE)].map(([, name]) => name!));
  return [...found].filter((name) => !LINKED.some((one) => one.name === name)).sort();
}

/** The version of a library that the binary itself tells; null when it tells none. Only AWS-LC does. */
export function versionIn(binary: Buffer, name: string): string | null {
  if (name !== 'aws-lc') return null;
  return /AWS-LC (\d+\.\d+\.\d+)/.exec(binary.toString('latin1'))?.[1] ?? null;
}

/** Name and text of every notice, those of one text together. */
export async function linkedNotices(root: string): Promise<{ names: string[]; text: string }[]> {
  const files = Map.groupBy(LINKED, ({ notice }) => notice);
  return Promise.all(
    [...files].map(async ([notice, libraries]) => ({
      names: libraries.map(({ name, licence }) => `${name}, linked into aws-crt (${licence})`),
      text: (await readFile(join(root, 'scripts/package/notices', notice), 'utf8')).trim(),
    })),
  );
}
