import { readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Manifest } from '../../agent/release/manifest.ts';
import { trustedKey } from '../../agent/release/signature.ts';
import { gather } from '../package/gather.ts';
import { readSequence, releaseManifest, releaseParts } from '../package/release-files.ts';
import { ARCHITECTURES } from '../package/runtime.ts';
import { SBOM_PATH } from '../package/sbom.ts';
import { generateSigningKey, readSigningKey } from '../package/signature.ts';
import { partFile, signRelease, verifyRelease, writeRelease } from './folder.ts';
import { releaseJob, rollOutCommands } from './job.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EX_USAGE = 64;
/** It stands between quotes in a line for a shell. */
const ARN = /^arn:[\w:/.@+=,-]+$/;

const USAGE = `usage: npm run release -- [--arch amd64|arm64] [--sign KEYFILE] [options]
       npm run release -- keygen KEYFILE
       npm run release -- sign FOLDER --key KEYFILE [--sequence N]
       npm run release -- verify FOLDER|FILE --key KEYFILE.pub [--key OTHER.pub]
       npm run release -- job FOLDER --from RELEASE [--from RELEASE] --bucket BUCKET --region REGION [options]

Makes a release for hubs that have the Debian package: dist/release/SEQUENCE-ARCH with release.json, its parts by their hash (zstd), a bill of
materials, and once it is signed release.sig and one file for a USB stick.

  --arch ARCH         amd64 or arm64 (default: this machine's)
  --sequence N        only ever goes up; with sign: old parts under a new sequence (default: the time of the last commit, in seconds)
  --model MODEL       a hub model that it is for; may be repeated (default: every model)
  --minimum-from N    the lowest sequence that it may follow
  --sign KEYFILE      signs it at once with this Ed25519 key, its owner's alone (0600) and in no git work tree
  --output DIR        (default: dist/release)
  --dist DIR          takes a build that is there instead of building
  --fast              compresses less, for trials
  --from RELEASE      job: a release that hubs have, as a folder, a file, or the release.json of a package; the job leaves out what is in each of them
  --bucket BUCKET     job: what it moves lies in s3://BUCKET/PREFIX
  --prefix PREFIX     job: (default: releases)
  --region REGION     job: of bucket and job
  --target ARN        job: a thing or a thing group
  --role ARN          job: the role that signs the URLs
  --help

job writes FOLDER/job.json and FOLDER/SEQUENCE-HASH.pack, and prints the commands that upload the pack and create the job.

The last line is JSON: folder, sequence, version, arch, and parts with name, sha256, bytes and compressed bytes.
`;

function readOptions(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      arch: { type: 'string', default: process.arch === 'arm64' ? 'arm64' : 'amd64' },
      sequence: { type: 'string' },
      model: { type: 'string', multiple: true, default: [] },
      'minimum-from': { type: 'string' },
      sign: { type: 'string' },
      key: { type: 'string', multiple: true, default: [] },
      output: { type: 'string', default: join(ROOT, 'dist/release') },
      dist: { type: 'string' },
      from: { type: 'string', multiple: true, default: [] },
      bucket: { type: 'string' },
      prefix: { type: 'string', default: 'releases' },
      region: { type: 'string' },
      target: { type: 'string', default: 'arn:aws:iot:REGION:ACCOUNT:thinggroup/pilot' },
      role: { type: 'string', default: 'arn:aws:iam::ACCOUNT:role/hub-releases' },
      fast: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const arch = ARCHITECTURES.find((name) => name === values.arch);
  if (!arch) throw new TypeError(`--arch ${values.arch}: choose ${ARCHITECTURES.join(' or ')}.`);
  const [action = 'make', place, ...more] = positionals;
  if (!['make', 'keygen', 'sign', 'verify', 'job'].includes(action) || more.length > 0)
    throw new TypeError(`"${positionals.join(' ')}" is not understood.`);
  if ((action === 'make') !== (place === undefined)) throw new TypeError(`${action} is used as above.`);
  if (action === 'sign' && values.key.length !== 1) throw new TypeError('sign needs one --key.');
  if (action === 'verify' && values.key.length === 0) throw new TypeError('verify needs --key.');
  if (action === 'job' && (values.from.length === 0 || !values.bucket || !values.region))
    throw new TypeError('job needs --from, --bucket and --region.');
  const unusable = [values.target, values.role].find((arn) => !ARN.test(arn));
  if (unusable !== undefined) throw new TypeError(`"${unusable}" is no ARN.`);
  return { ...values, arch, action, place, sequence: readSequence(values.sequence), minimumFrom: readSequence(values['minimum-from']) };
}

type Options = ReturnType<typeof readOptions>;

async function make({ arch, output, dist, fast, sign, model, sequence, minimumFrom }: Options): Promise<Record<string, unknown>> {
  // Before minutes of building: a key that cannot sign.
  const key = sign === undefined ? null : await readSigningKey(sign);
  const { files, release } = await gather({ root: ROOT, arch, dist: dist === undefined ? null : resolve(dist), revision: '1', sequence });
  const manifest = releaseManifest(files, { ...release, models: model, ...(minimumFrom !== null && { minimumFrom }) });
  const folder = join(resolve(output), `${manifest.sequence}-${arch}`);
  const sbom = files.find(({ path }) => path === SBOM_PATH)!.data;
  await writeRelease(folder, { manifest, parts: releaseParts(files), sbom, fast });
  const signed = key ? await signRelease(folder, key, null) : null;
  return { folder, ...(signed && { file: signed.file }), ...(await described(folder, manifest)) };
}

async function described(folder: string, { sequence, version, arch, parts }: Manifest) {
  const sized = parts.map(async (part) => ({ ...part, compressedBytes: (await stat(join(folder, partFile(part.sha256)))).size }));
  return { sequence, version, arch, parts: await Promise.all(sized) };
}

/** Writes the document of the job that brings a release to hubs, and prints what rolls it out. */
async function job(folder: string, { from, bucket, prefix, region, target, role }: Options): Promise<Record<string, unknown>> {
  const place = { bucket: bucket!, prefix, region: region! };
  const made = await releaseJob(folder, from, place);
  const file = join(folder, 'job.json');
  await writeFile(file, made.document);
  if (made.parts.length > 0) await writeFile(join(folder, made.packName), made.pack);
  process.stdout.write(`${rollOutCommands(made, { file, folder, place, target, role })}\n`);
  const bytes = made.parts.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0);
  return { file, sequence: made.sequence, bytes, parts: made.parts };
}

async function publicKey(path: string) {
  const key = trustedKey(await readFile(path));
  if (key === null) throw new Error(`${path} is no public Ed25519 key in PEM.`);
  return key;
}

async function run(options: Options): Promise<Record<string, unknown>> {
  const { action, key, sequence } = options;
  if (action === 'make') return make(options);
  const place = resolve(options.place!);
  if (action === 'keygen') {
    await generateSigningKey(place);
    return { key: place, publicKey: `${place}.pub` };
  }
  if (action === 'job') return job(place, options);
  if (action === 'sign') {
    const { manifest, file, bytes } = await signRelease(place, await readSigningKey(key[0]!), sequence);
    return { file, bytes, ...(await described(place, manifest)) };
  }
  const { sequence: verified, version, arch } = await verifyRelease(place, await Promise.all(key.map(publicKey)));
  return { verified: true, sequence: verified, version, arch };
}

async function main(args: string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`release: ${(error as Error).message}\n\n${USAGE}`);
    return EX_USAGE;
  }
  process.stdout.write(options.help ? USAGE : `${JSON.stringify(await run(options))}\n`);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`release: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
