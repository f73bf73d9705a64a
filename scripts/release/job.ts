import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, parseManifest, type ReleasePart } from '../../agent/release/manifest.ts';
import { MANIFEST_FILE, SIGNATURE_FILE } from '../../agent/release/places.ts';
import { readTar } from '../../agent/system/tar.ts';
import { parseJobDocument } from '../../agent/update/job-document.ts';
import { partFile } from './folder.ts';

/** AWS IoT Core endpoints and quotas, "AWS IoT jobs". */
const MAX_DOCUMENT_BYTES = 32 * 1024;

/** Where the pack lies: `https://s3.REGION.amazonaws.com/BUCKET/PREFIX/NAME`. */
export interface PackPlace {
  region: string;
  bucket: string;
  prefix: string;
}

/** A job for one release: the document, and the one object that it names. AWS fills ten URLs in a document at most, and a release has more parts. */
export interface ReleaseJob {
  /** JSON. */
  document: string;
  sequence: number;
  /** The parts' zstd streams, one after the other. */
  pack: Buffer;
  packName: string;
  /** What is not in each of the releases that hubs have. */
  parts: (ReleasePart & { compressedBytes: number })[];
}

const PLACE: Readonly<Record<keyof PackPlace, RegExp>> = {
  region: /^[a-z]{2}(?:-[a-z]+)+-\d$/,
  bucket: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  prefix: /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/,
};

/** Manifest and signature of a release's folder, of its one file, or of a `release.json` alone, as the package has it. */
async function readRelease(path: string): Promise<{ manifest: Manifest; text: string; signature: string | null }> {
  let read: (name: string) => Promise<Buffer | null>;
  if ((await stat(path)).isDirectory()) read = (name) => readFile(join(path, name)).catch(() => null);
  else if (path.endsWith('.json')) read = async (name) => (name === MANIFEST_FILE ? readFile(path) : null);
  else {
    const entries = new Map(readTar(await readFile(path)).map(({ path: name, data }) => [name, data]));
    read = async (name) => entries.get(name) ?? null;
  }
  const text = (await read(MANIFEST_FILE))?.toString('utf8') ?? '';
  try {
    const signature = (await read(SIGNATURE_FILE))?.toString('latin1').trim() ?? null;
    return { manifest: parseManifest(text), text, signature };
  } catch (error) {
    throw new Error(`${path} is no release: ${(error as Error).message}`);
  }
}

function checkFollows(to: Manifest, from: Manifest): void {
  if (from.arch !== to.arch) throw new Error(`Release ${from.sequence} is for ${from.arch}, and ${to.sequence} for ${to.arch}.`);
  if (to.sequence <= from.sequence)
    throw new Error(
      `Release ${to.sequence} is not newer than ${from.sequence}: hubs would reject it. sign --sequence gives it a higher sequence.`,
    );
  if (from.sequence < (to.minimumFrom ?? 0))
    throw new Error(`Release ${to.sequence} may follow ${to.minimumFrom} and later ones, and not ${from.sequence}.`);
}

/**
 * The job that brings hubs from any of the releases `from` to the release in the folder `to`: it moves the parts that are not in each of them. The
 * document is read back as a hub reads it.
 * @throws Error when hubs would reject it, or AWS would not take it
 */
export async function releaseJob(to: string, from: readonly string[], place: PackPlace): Promise<ReleaseJob> {
  for (const [name, form] of Object.entries(PLACE)) {
    if (!form.test(place[name as keyof PackPlace])) throw new Error(`--${name} ${place[name as keyof PackPlace]} is no ${name} of S3.`);
  }
  const { manifest, text, signature } = await readRelease(to);
  if (signature === null) throw new Error(`${to} is not signed: npm run release -- sign FOLDER --key KEYFILE`);
  const present = await Promise.all(from.map(readRelease));
  for (const release of present) checkFollows(manifest, release.manifest);
  const known = present.map((release) => new Set(release.manifest.parts.map(({ sha256 }) => sha256)));
  const missing = manifest.parts.filter(({ sha256 }) => known.length === 0 || !known.every((hashes) => hashes.has(sha256)));
  // Two names of the same bytes are one part on the wire.
  const wanted = missing.filter(({ sha256 }, index) => missing.findIndex((part) => part.sha256 === sha256) === index);
  const streams = await Promise.all(wanted.map(({ sha256 }) => readFile(join(to, partFile(sha256)))));
  const pack = Buffer.concat(streams);
  const packName = `${manifest.sequence}-${createHash('sha256').update(pack).digest('hex').slice(0, 12)}.pack`;
  let offset = 0;
  const pieces: [string, [number, number]][] = [];
  for (const [index, { sha256 }] of wanted.entries()) {
    pieces.push([sha256, [offset, streams[index]!.length]]);
    offset += streams[index]!.length;
  }
  const url = `https://s3.${place.region}.amazonaws.com/${place.bucket}/${place.prefix}/${packName}`;
  const documentWith = (address: string) => ({
    operation: 'update_agent',
    manifest: text,
    signature,
    ...(pieces.length > 0 && { pack: address }),
    parts: Object.fromEntries(pieces),
  });
  const read = parseJobDocument(documentWith(url));
  if (typeof read === 'string') throw new Error(`A hub would reject the document: ${read}.`);
  const document = `${JSON.stringify(documentWith(`\${aws:iot:s3-presigned-url-v2:${url}}`))}\n`;
  if (Buffer.byteLength(document) > MAX_DOCUMENT_BYTES)
    throw new Error(`The document has ${Buffer.byteLength(document)} bytes; AWS IoT Jobs takes ${MAX_DOCUMENT_BYTES}.`);
  const parts = wanted.map((part, index) => ({ ...part, compressedBytes: streams[index]!.length }));
  return { document, sequence: manifest.sequence, pack, packName, parts };
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * The commands that upload the pack and create the job, for a shell: 10 hubs a minute at first, twice as many after each 50 that succeeded, and an end
 * when more than 5 % of at least 20 failed.
 */
export function rollOutCommands(
  { sequence, packName, parts }: ReleaseJob,
  { folder, file, place, target, role }: { folder: string; file: string; place: PackPlace; target: string; role: string },
): string {
  const rollout = {
    maximumPerMinute: 500,
    exponentialRate: { baseRatePerMinute: 10, incrementFactor: 2, rateIncreaseCriteria: { numberOfSucceededThings: 50 } },
  };
  const abort = { criteriaList: [{ failureType: 'FAILED', action: 'CANCEL', thresholdPercentage: 5, minNumberOfExecutedThings: 20 }] };
  const create = [
    `aws iot create-job --region ${place.region} --job-id hub-agent-${sequence}`,
    `--targets ${quoted(target)} --target-selection SNAPSHOT`,
    `--document ${quoted(`file://${file}`)}`,
    `--presigned-url-config ${quoted(`roleArn=${role},expiresInSec=3600`)}`,
    `--job-executions-rollout-config ${quoted(JSON.stringify(rollout))}`,
    `--abort-config ${quoted(JSON.stringify(abort))}`,
    '--timeout-config inProgressTimeoutInMinutes=1440',
  ].join(' \\\n  ');
  const upload = `aws s3 cp ${quoted(join(folder, packName))} s3://${place.bucket}/${place.prefix}/${packName}`;
  return parts.length > 0 ? `${upload}\n${create}` : create;
}
