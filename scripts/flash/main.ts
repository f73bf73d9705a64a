import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import tls from 'node:tls';
import type { TlsProof } from '../../agent/config/tls-proof.ts';
import { MIN_TLS_VERSION } from '../../agent/contract/tls.ts';
import { messageOf } from '../../agent/system/errors.ts';
import { EX_IOERR, OutputLost, writeOutput } from '../../agent/system/linux/output.ts';
import { printable } from '../../agent/system/printable.ts';
import { gitWorkTreeOf } from '../git-work-tree.ts';
import { readApiKey } from './api-key.ts';
import { findDebugfs } from './debugfs.ts';
import { type FlashOutcome, flash } from './flash.ts';
import { generate, requestFiles } from './generate.ts';
import { readCommonFiles } from './hub-files.ts';
import { openImageTarget } from './image-target.ts';
import { type ManifestRead, readManifest } from './manifest.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { claimOutput, explained } from './output-folder.ts';
import { formatProblem, gather, MissingProgram, Refused, type RowProblem, UsageError } from './problems.ts';
import { createProgress } from './progress.ts';
import { type Api, createApi } from './provision.ts';
import { openRecords } from './records.ts';
import { figuresOf, writeRefusal, writeReport } from './report.ts';
import { rootTarget } from './root-target.ts';
import { folderTarget, type Target } from './targets.ts';

/** Says something on standard error, without control characters of a board, an image or an API that are quoted in it. */
function tell(text: string): void {
  process.stderr.write(`${text.split('\n').map(printable).join('\n')}`);
}

/** sysexits.h: wrong usage, wrong data, something that is needed is not there. */
const EX_USAGE = 64;
const EX_DATAERR = 65;
const EX_UNAVAILABLE = 69;

async function chosenRows({ manifest, hub, root }: Options): Promise<ManifestRead> {
  const read = await readManifest(manifest);
  const rows = read.rows.filter(({ hubId }) => hub === undefined || hubId.toLowerCase() === hub.toLowerCase());
  if (rows.length === 0 && read.problems.length === 0) throw new UsageError(`The manifest has no hub ${hub}.`);
  if (root !== undefined && rows.length > 1) throw new UsageError('A root is one hub: name it with --hub.');
  return { ...read, rows };
}

/** Everything that is flashed holds private keys, and what lies in a work tree is committed sooner or later. */
async function checkWorkTree({ output, root, 'allow-git-work-tree': allowed }: Options): Promise<void> {
  for (const [option, path] of Object.entries({ '--output': output, '--root': root })) {
    const workTree = allowed || path === undefined ? null : await gitWorkTreeOf(resolve(path));
    if (workTree === null) continue;
    throw new UsageError(
      `${option} ${path} lies in the git work tree ${workTree}, and private keys are written there. Choose a folder outside of it, or use --allow-git-work-tree.`,
    );
  }
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

async function generateAll(options: Options): Promise<number> {
  const { rows, problems } = await chosenRows(options);
  if (problems.length > 0) throw new Refused(problems);
  const { output } = options;
  let made = 0;
  const release = await claimOutput(output);
  try {
    for (const hub of rows) if (await generate(output, hub)) made += 1;
  } finally {
    await release();
  }
  await writeOutput(`${JSON.stringify({ hubs: rows.length, made, requests: requestFiles(output, 'HUBID').request })}\n`);
  return 0;
}

/** The SDK's own judgement of the pairs; null, and said, on a machine for which the SDK has no binary. */
async function stationProof(): Promise<TlsProof | null> {
  try {
    const { tlsRefusal } = await import('../../agent/cloud/connection/tls-context.ts');
    return (credentials) => Promise.resolve(tlsRefusal(credentials));
  } catch (error) {
    tell(`The AWS SDK cannot be loaded here, so no pair is proven with it (${messageOf(error)}).\n`);
    return null;
  }
}

async function flashAll(options: Options, signal: AbortSignal): Promise<number> {
  const now = new Date();
  const proof = await stationProof();
  const problems: RowProblem[] = [];
  const manifest = await gather(problems, () => chosenRows(options));
  const config = await gather(problems, () => readCommonFiles(resolve(options.config), { now, proof }));
  const target = await gather(problems, () => targetOf(options));
  problems.unshift(...(manifest?.problems ?? []));
  const { rows } = manifest ?? { rows: [] };
  const { files: common, warnings } = config ?? { files: [], warnings: [] };
  const api = await apiOf(options, signal);
  for (const warning of warnings) tell(`${warning}\n`);
  const records = await openRecords(options.output);
  const progress = createProgress(process.stderr, rows.length);
  let outcome: FlashOutcome;
  try {
    outcome = await flash({
      rows,
      problems,
      common,
      // Without one there is a problem, and nothing is written.
      target: target!,
      records,
      output: options.output,
      validity: { now, minDays: options.minDays, proof },
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
  for (const { row, hubId, problem } of outcome.results) if (problem !== null) tell(`row ${row}, ${hubId}: ${problem}\n`);
  if (outcome.stopped !== null) tell(`${outcome.stopped}\n`);
  await writeOutput(`${JSON.stringify({ ...figuresOf(outcome), hubsPerSecond: progress.rate() })}\n`);
  return outcome.results.length === rows.length && outcome.results.every(({ problem }) => problem === null) ? 0 : 1;
}

/** Tells a refusal; a report of an earlier run, which would say that all is well, gives way to it. */
async function refuse(options: Options, { problems }: Refused): Promise<number> {
  const lines = problems.map((one) => `  ${formatProblem(one)}\n`).join('');
  tell(`The input is refused, no hub was written:\n${lines}`);
  if (!options.generate) await writeRefusal(options.output, problems);
  return EX_DATAERR;
}

async function main(args: readonly string[]): Promise<number> {
  // For fetch, which takes no version of its own; options of Node would lower it.
  tls.DEFAULT_MIN_VERSION = MIN_TLS_VERSION;
  const stop = new AbortController();
  // The hub at hand is finished first.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  try {
    const options = readOptions(args);
    if (!options) {
      await writeOutput(USAGE);
      return 0;
    }
    await checkWorkTree(options);
    try {
      return options.generate ? await generateAll(options) : await flashAll(options, stop.signal);
    } catch (error) {
      if (error instanceof Refused) return await refuse(options, error);
      throw explained(error, options.output);
    }
  } catch (error) {
    if (error instanceof MissingProgram) {
      tell(`flash: ${error.message}\n`);
      return EX_UNAVAILABLE;
    }
    if (!(error instanceof UsageError)) throw error;
    tell(`flash: ${error.message}\n\n${USAGE}`);
    return EX_USAGE;
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    tell(`flash: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(error instanceof OutputLost ? EX_IOERR : 1);
  },
);
