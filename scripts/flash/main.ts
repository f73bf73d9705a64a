import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text as readStream } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { Secret } from '../../agent/system/secret.ts';
import { replaceFile } from './durable.ts';
import { flash, type HubResult } from './flash.ts';
import { generate, requestFiles } from './generate.ts';
import { readCommonFiles } from './hub-files.ts';
import { type ManifestRow, readManifest } from './manifest.ts';
import { formatProblem, Refused } from './problems.ts';
import { createProgress } from './progress.ts';
import { openRecords } from './records.ts';
import { folderTarget, imageTarget, rootTarget, type Target } from './targets.ts';

/** sysexits.h: wrong usage, wrong data. */
const EX_USAGE = 64;
const EX_DATAERR = 65;
const DEFAULT_MIN_DAYS = 90;

const USAGE = `usage: npm run flash -- --manifest FILE --output DIR --config agent.json [options]
       npm run flash -- --manifest FILE --output DIR --generate

Gives hubs their identity. The manifest (CSV with a header line, or a JSON list) has hubId, serial, model, vendorName, thingName (default: hubId),
certificate and key (paths of PEM files, from the manifest's folder). All rows are checked before the first hub is written.

  --config FILE        agent.json of the batch; the authorities that it names lie beside it
  --output DIR         the batch's folder: hubs/, provision/ (ProvisionHub requests), records/, report.json
  --root DIR           writes into this mounted root, in place of hubs/; the manifest then has one hub, or name it with --hub
  --image FILE         writes copies of this image, one a hub; --offset BYTES where its ext4 file system begins (default: 0). Needs debugfs
  --hub ID             only this hub of the manifest
  --generate           makes P-256 keys and certificate requests in requests/HUBID/ and ends; put certificate.pem beside them,
                       leave certificate and key empty in the manifest, and flash
  --provision URL      sends the ProvisionHub requests to the API; --api-key-file FILE, or - for standard input
  --min-days N         a certificate must last so long (default: ${DEFAULT_MIN_DAYS})
  --replace            writes hubs again that were flashed before
  --help

A run that was cut is repeated with the same arguments: what is done stays, nothing is done twice.
exit codes: 0 all are flashed, 1 some are not, 64 wrong usage, 65 the manifest was refused and nothing was written
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      manifest: { type: 'string' },
      output: { type: 'string' },
      config: { type: 'string' },
      root: { type: 'string' },
      image: { type: 'string' },
      offset: { type: 'string', default: '0' },
      hub: { type: 'string' },
      generate: { type: 'boolean', default: false },
      provision: { type: 'string' },
      'api-key-file': { type: 'string' },
      'min-days': { type: 'string', default: String(DEFAULT_MIN_DAYS) },
      replace: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const { manifest, output, config } = values;
  if (manifest === undefined || output === undefined) throw new TypeError('--manifest and --output are needed.');
  if (config === undefined && !values.generate) throw new TypeError('--config is needed.');
  if (values.root !== undefined && values.image !== undefined) throw new TypeError('Choose --root or --image.');
  if ((values.provision === undefined) !== (values['api-key-file'] === undefined)) {
    throw new TypeError('--provision and --api-key-file go together.');
  }
  const number = (name: 'offset' | 'min-days') => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 0) throw new TypeError(`--${name} ${values[name]}: a whole number is needed.`);
    return value;
  };
  return { ...values, manifest, output: resolve(output), config: config ?? '', offset: number('offset'), minDays: number('min-days') };
}

type Options = NonNullable<ReturnType<typeof readOptions>>;

async function chosenRows({ manifest, hub, root }: Options): Promise<ManifestRow[]> {
  const rows = (await readManifest(manifest)).filter(({ hubId }) => hub === undefined || hubId === hub);
  if (rows.length === 0) throw new TypeError(`The manifest has no hub ${hub}.`);
  if (root !== undefined && rows.length > 1) throw new TypeError('A root is one hub: name it with --hub.');
  return rows;
}

async function targetOf({ output, root, image, offset }: Options): Promise<Target> {
  if (root !== undefined) {
    if (!(await stat(join(root, 'etc')).catch(() => null))) throw new TypeError(`${root} has no etc: is it mounted?`);
    return rootTarget(resolve(root));
  }
  if (image === undefined) return folderTarget(output);
  if (!(await stat(image).catch(() => null))?.isFile()) throw new TypeError(`${image} is no image file.`);
  return imageTarget(output, resolve(image), offset);
}

/** The key never comes by an argument or the environment: others could read it there. */
async function apiOf({ provision, 'api-key-file': file }: Options): Promise<{ url: string; key: Secret } | null> {
  if (provision === undefined || file === undefined) return null;
  const key = new Secret((file === '-' ? await readStream(process.stdin) : await readFile(file, 'utf8')).trim());
  if (key.reveal() === '') throw new TypeError('The API key is empty.');
  return { url: provision, key };
}

async function generateAll({ output }: Options, rows: ManifestRow[]): Promise<number> {
  let made = 0;
  for (const hub of rows) if (await generate(output, hub)) made += 1;
  process.stdout.write(`${JSON.stringify({ hubs: rows.length, made, requests: requestFiles(output, 'HUBID').request })}\n`);
  return 0;
}

async function flashAll(options: Options, rows: ManifestRow[], signal: AbortSignal): Promise<number> {
  const common = await readCommonFiles(resolve(options.config));
  const target = await targetOf(options);
  const api = await apiOf(options);
  const records = await openRecords(options.output);
  const progress = createProgress(process.stderr, rows.length);
  let results: HubResult[];
  try {
    results = await flash({
      rows,
      common,
      target,
      records,
      output: options.output,
      validity: { now: new Date(), minDays: options.minDays },
      api,
      replace: options.replace,
      signal,
      onResult: progress.result,
    });
  } finally {
    progress.end();
    await records.close();
  }
  const count = (state: HubResult['state']) => results.filter((result) => result.state === state).length;
  const counts = { hubs: rows.length, flashed: count('flashed'), unchanged: count('unchanged'), failed: count('failed') };
  const figures = { ...counts, left: rows.length - results.length, provisioned: results.filter(({ provisioned }) => provisioned).length };
  await replaceFile(join(options.output, 'report.json'), `${JSON.stringify({ ...figures, results }, null, 2)}\n`, 0o644);
  for (const { row, hubId, problem } of results) if (problem !== null) process.stderr.write(`row ${row}, ${hubId}: ${problem}\n`);
  process.stdout.write(`${JSON.stringify({ ...figures, hubsPerSecond: progress.rate() })}\n`);
  return counts.flashed + counts.unchanged === rows.length ? 0 : 1;
}

async function main(): Promise<number> {
  const stop = new AbortController();
  // The hub at hand is finished first.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  try {
    const options = readOptions();
    if (!options) {
      process.stdout.write(USAGE);
      return 0;
    }
    const rows = await chosenRows(options);
    return options.generate ? await generateAll(options, rows) : await flashAll(options, rows, stop.signal);
  } catch (error) {
    if (error instanceof Refused) {
      process.stderr.write(
        `The manifest is refused, nothing was written:\n${error.problems.map((one) => `  ${formatProblem(one)}`).join('\n')}\n`,
      );
      return EX_DATAERR;
    }
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`flash: ${error.message}\n\n${USAGE}`);
    return EX_USAGE;
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`flash: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
