import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readApiKey } from './api-key.ts';
import { findDebugfs } from './debugfs.ts';
import { type FlashOutcome, flash } from './flash.ts';
import { generate, requestFiles } from './generate.ts';
import { readCommonFiles } from './hub-files.ts';
import { openImageTarget } from './image-target.ts';
import { type ManifestRow, readManifest } from './manifest.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { formatProblem, MissingProgram, Refused, UsageError } from './problems.ts';
import { createProgress } from './progress.ts';
import { type Api, createApi } from './provision.ts';
import { openRecords } from './records.ts';
import { figuresOf, writeRefusal, writeReport } from './report.ts';
import { rootTarget } from './root-target.ts';
import { folderTarget, type Target } from './targets.ts';

/** sysexits.h: wrong usage, wrong data, something that is needed is not there. */
const EX_USAGE = 64;
const EX_DATAERR = 65;
const EX_UNAVAILABLE = 69;

async function chosenRows({ manifest, hub, root }: Options): Promise<ManifestRow[]> {
  const rows = (await readManifest(manifest)).filter(({ hubId }) => hub === undefined || hubId.toLowerCase() === hub.toLowerCase());
  if (rows.length === 0) throw new UsageError(`The manifest has no hub ${hub}.`);
  if (root !== undefined && rows.length > 1) throw new UsageError('A root is one hub: name it with --hub.');
  return rows;
}

async function targetOf({ output, root, image, offset }: Options): Promise<Target> {
  if (root !== undefined) {
    if (!(await stat(join(root, 'etc')).catch(() => null))) throw new UsageError(`${root} has no etc: is it mounted?`);
    return rootTarget(resolve(root));
  }
  if (image === undefined) return folderTarget(output);
  if (!(await stat(image).catch(() => null))?.isFile()) throw new UsageError(`${image} is no image file.`);
  return openImageTarget({ output, base: resolve(image), offset, debugfs: await findDebugfs(process.env.PATH) });
}

async function apiOf({ provision, 'api-key-file': file }: Options, signal: AbortSignal): Promise<Api | null> {
  if (provision === undefined || file === undefined) return null;
  return createApi({ url: provision, key: await readApiKey(file, process.stdin), signal });
}

async function generateAll({ output }: Options, rows: ManifestRow[]): Promise<number> {
  let made = 0;
  for (const hub of rows) if (await generate(output, hub)) made += 1;
  process.stdout.write(`${JSON.stringify({ hubs: rows.length, made, requests: requestFiles(output, 'HUBID').request })}\n`);
  return 0;
}

async function flashAll(options: Options, rows: ManifestRow[], signal: AbortSignal): Promise<number> {
  const now = new Date();
  const { files: common, warnings } = await readCommonFiles(resolve(options.config), now);
  const target = await targetOf(options);
  const api = await apiOf(options, signal);
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  const records = await openRecords(options.output);
  const progress = createProgress(process.stderr, rows.length);
  let outcome: FlashOutcome;
  try {
    outcome = await flash({
      rows,
      common,
      target,
      records,
      output: options.output,
      validity: { now, minDays: options.minDays },
      api,
      replace: options.replace,
      signal,
      onResult: progress.result,
    });
  } finally {
    progress.end();
    await records.close();
  }
  await writeReport(options.output, outcome, warnings);
  for (const { row, hubId, problem } of outcome.results) if (problem !== null) process.stderr.write(`row ${row}, ${hubId}: ${problem}\n`);
  if (outcome.stopped !== null) process.stderr.write(`${outcome.stopped}\n`);
  process.stdout.write(`${JSON.stringify({ ...figuresOf(outcome), hubsPerSecond: progress.rate() })}\n`);
  return outcome.results.length === rows.length && outcome.results.every(({ problem }) => problem === null) ? 0 : 1;
}

/** Tells a refusal; a report of an earlier run, which would say that all is well, gives way to it. */
async function refuse(options: Options, { problems }: Refused): Promise<number> {
  const lines = problems.map((one) => `  ${formatProblem(one)}\n`).join('');
  process.stderr.write(`The input is refused, no hub was written:\n${lines}`);
  if (!options.generate) await writeRefusal(options.output, problems);
  return EX_DATAERR;
}

async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  // The hub at hand is finished first.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  try {
    const options = readOptions(args);
    if (!options) {
      process.stdout.write(USAGE);
      return 0;
    }
    try {
      const rows = await chosenRows(options);
      return options.generate ? await generateAll(options, rows) : await flashAll(options, rows, stop.signal);
    } catch (error) {
      if (error instanceof Refused) return await refuse(options, error);
      throw error;
    }
  } catch (error) {
    if (error instanceof MissingProgram) {
      process.stderr.write(`flash: ${error.message}\n`);
      return EX_UNAVAILABLE;
    }
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`flash: ${error.message}\n\n${USAGE}`);
    return EX_USAGE;
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`flash: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
