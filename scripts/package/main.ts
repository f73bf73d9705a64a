import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { audit, auditLines } from './audit.ts';
import { foreignBinaries } from './contents.ts';
import { controlFields, zigbeeControlFields } from './control.ts';
import { writeDeb } from './deb.ts';
import { gather, sourceDateSeconds } from './gather.ts';
import { factoryFiles, readSequence, trustedKeyFiles } from './release-files.ts';
import { ARCHITECTURES, type Architecture } from './runtime.ts';
import { generateSigningKey, readSigningKey, signFile, verifyFile } from './signature.ts';
import { ZIGBEE_PACKAGE, zigbeeFiles } from './zigbee.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MEBIBYTE = 1024 * 1024;
/** What a hub may have to fetch over a metered line. */
const MAX_PACKAGE_BYTES = 45_000_000;
/** Of zstd: the best that dpkg unpacks with 8 MiB of memory, and one that is an eighth larger and twenty times as fast. */
const COMPRESSION = { best: 19, fast: 9 };
const EX_USAGE = 64;

const USAGE = `usage: npm run package [-- --arch amd64|arm64] [options]

Makes a Debian package with the agent, its Node, its unit and its tools in dist/. The same sources give the same bytes.

  --arch ARCH    amd64 or arm64 (default: this machine's)
  --revision N   Debian revision, the part of the version after "-" (default: 1)
  --output DIR   where the package goes (default: dist)
  --dist DIR     takes a build that is there instead of building
  --fast         compresses less, for trials
  --zigbee       makes the add-on hub-agent-zigbee instead: the Zigbee library, for hubs with a Zigbee bus
  --sequence N   of the release that the package is (default: the time of the last commit, in seconds)
  --release-key FILE.pub  a public key whose releases hubs with this package take; two of them: repeat it
  --sign KEYFILE signs the package with this Ed25519 key: FILE.deb.sig. The key is its owner's alone (0600) and in no git work tree
  --generate-key KEYFILE  makes such a key, and KEYFILE.pub, and ends
  --verify FILE.deb --key KEYFILE.pub  checks a package against its signature, and ends
  --help

Node comes from the npm registry once, is checked against its pinned hash, and is kept in .cache/runtime.
The last line is JSON: file, bytes, sha256, and signature where there is one.
`;

interface Options {
  arch: Architecture;
  revision: string;
  output: string;
  dist: string | null;
  fast: boolean;
  zigbee: boolean;
  sequence: number | null;
  releaseKeys: readonly string[];
  sign: string | null;
  generateKey: string | null;
  verify: { file: string; key: string } | null;
}

/** @throws TypeError for what is not understood. */
function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: process.arch === 'arm64' ? 'arm64' : 'amd64' },
      revision: { type: 'string', default: '1' },
      output: { type: 'string', default: join(ROOT, 'dist') },
      dist: { type: 'string' },
      fast: { type: 'boolean', default: false },
      zigbee: { type: 'boolean', default: false },
      sequence: { type: 'string' },
      'release-key': { type: 'string', multiple: true, default: [] },
      sign: { type: 'string' },
      'generate-key': { type: 'string' },
      verify: { type: 'string' },
      key: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const arch = ARCHITECTURES.find((name) => name === values.arch);
  if (!arch) throw new TypeError(`--arch ${values.arch}: choose ${ARCHITECTURES.join(' or ')}.`);
  // deb-version(7): letters, digits and + . ~
  if (!/^[A-Za-z0-9+.~]+$/.test(values.revision))
    throw new TypeError(`--revision ${values.revision}: use letters, digits, "+", "." and "~".`);
  const { verify, key, sign = null, 'generate-key': generateKey = null } = values;
  if ((verify === undefined) !== (key === undefined)) throw new TypeError('--verify and --key go together.');
  const verified = verify === undefined || key === undefined ? null : { file: verify, key };
  return {
    ...values,
    sequence: readSequence(values.sequence),
    releaseKeys: values['release-key'],
    sign,
    generateKey,
    verify: verified,
    arch,
    output: resolve(values.output),
    dist: values.dist === undefined ? null : resolve(values.dist),
  };
}

async function maintainerScripts(): Promise<Record<string, Buffer>> {
  const folder = join(ROOT, 'scripts/package/maintainer');
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)));
}

async function makePackage(options: Options): Promise<{ file: string; bytes: number; sha256: string }> {
  const { arch } = options;
  const { files, description, release } = await gather({ root: ROOT, ...options });
  files.push(...factoryFiles(files, release), ...(await trustedKeyFiles(options.releaseKeys)));
  const version = `${release.version}-${options.revision}`;
  const deb = writeDeb({
    fields: controlFields({ arch, version, description }),
    scripts: await maintainerScripts(),
    files,
    dateSeconds: release.dateSeconds,
    compressionLevel: options.fast ? COMPRESSION.fast : COMPRESSION.best,
  });
  return written(deb, `hub-agent_${version}_${arch}.deb`, options.output);
}

/** The add-on: its files come from node_modules alone. */
async function makeZigbeePackage({ arch, revision, output, fast }: Options): Promise<{ file: string; bytes: number; sha256: string }> {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const version = `${manifest.version}-${revision}`;
  const dateSeconds = sourceDateSeconds(ROOT);
  const files = await zigbeeFiles({ root: ROOT, arch, version, dateSeconds });
  const foreign = foreignBinaries(files, arch);
  if (foreign.length > 0) throw new Error(foreign.join('\n'));
  const deb = writeDeb({
    fields: zigbeeControlFields({ arch, version }),
    scripts: {},
    files,
    dateSeconds,
    compressionLevel: fast ? COMPRESSION.fast : COMPRESSION.best,
  });
  return written(deb, `${ZIGBEE_PACKAGE}_${version}_${arch}.deb`, output);
}

/** Writes a package in one step. @throws Error when it is larger than a hub should fetch */
async function written(deb: Buffer, name: string, output: string): Promise<{ file: string; bytes: number; sha256: string }> {
  if (deb.length > MAX_PACKAGE_BYTES) {
    throw new Error(`The package has ${deb.length} bytes, more than the ${MAX_PACKAGE_BYTES} that it may have.`);
  }
  const file = join(output, name);
  await mkdir(output, { recursive: true });
  await writeFile(`${file}.new`, deb);
  await rename(`${file}.new`, file);
  return { file, bytes: deb.length, sha256: createHash('sha256').update(deb).digest('hex') };
}

async function main(): Promise<number> {
  let options: Options | null;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`package: ${(error as Error).message}\n\n${USAGE}`);
    return EX_USAGE;
  }
  if (!options) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (options.generateKey !== null) {
    await generateSigningKey(options.generateKey);
    process.stdout.write(`${options.generateKey} signs, ${options.generateKey}.pub verifies.\n`);
    return 0;
  }
  if (options.verify) {
    await verifyFile(options.verify.file, options.verify.key);
    process.stdout.write(`${options.verify.file} is what was signed.\n`);
    return 0;
  }
  // Before minutes of building: a key that cannot sign.
  const key = options.sign === null ? null : await readSigningKey(options.sign);
  const audited = audit();
  const unsigned = await (options.zigbee ? makeZigbeePackage(options) : makePackage(options));
  const made = key ? { ...unsigned, signature: await signFile(unsigned.file, key) } : unsigned;
  for (const line of auditLines(await audited)) process.stdout.write(`${line}\n`);
  process.stdout.write(`${made.file}: ${(made.bytes / MEBIBYTE).toFixed(1)} MiB of ${(MAX_PACKAGE_BYTES / MEBIBYTE).toFixed(1)}\n`);
  process.stdout.write(`${JSON.stringify(made)}\n`);
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`package: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
