import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { installCommand, installPackages, missingPackages } from './host/requirements.ts';
import { run } from './host/run.ts';
import { ensureImage } from './image/build.ts';
import { coldMachine, warmMachine } from './machine.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { pageOf } from './page/page.ts';
import { createProgress, type Progress } from './progress.ts';
import { openStage, type RunnerDeps, type RunReport, runScenarios } from './runner.ts';
import type { Scenario } from './scenario.ts';
import { machineScenarios } from './scenarios/machine.ts';
import { packageScenarios } from './scenarios/package.ts';
import { unitScenarios } from './scenarios/unit.ts';
import { goodUpdates } from './scenarios/update.ts';
import { badUpdates } from './scenarios/update-bad.ts';
import { updateCuts } from './scenarios/update-cuts.ts';
import { wifiScenarios } from './scenarios/wifi.ts';
import { wifiOutageScenarios } from './scenarios/wifi-outage.ts';
import { zigbeeScenarios } from './scenarios/zigbee.ts';
import { runShell } from './shell.ts';
import { isWell, outcomeLine, TABLE_HEAD } from './table.ts';

/** In this order: what is good leaves a release that others go back to. */
const updateScenarios = [...goodUpdates, ...badUpdates, ...updateCuts];
const EX_USAGE = 64;
const EX_UNAVAILABLE = 69;
const EX_SIGNAL: Record<string, number> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
const REPOSITORY = resolve(import.meta.dirname, '../..');

async function haveHostPackages(options: Options, progress: Progress, signal: AbortSignal): Promise<boolean> {
  const isRoot = process.getuid?.() === 0;
  const missing = await missingPackages(isRoot);
  if (missing.length === 0) return true;
  if (options.install && isRoot) {
    await progress.step(`install ${missing.join(' ')}`, () => installPackages(missing, signal));
    return true;
  }
  process.stderr.write(`The virtual hub needs packages that are not installed:\n  ${installCommand(missing)}\n`);
  process.stderr.write('As root, --install does it.\n');
  return false;
}

/** Builds the agent; without it only the machine's own scenarios can run. */
async function haveAgent(dist: string, progress: Progress, signal: AbortSignal): Promise<void> {
  await progress.step('build the agent', () => run(process.execPath, ['scripts/build.ts', '--arch', 'amd64'], { cwd: REPOSITORY, signal }));
  if (!(await stat(join(dist, 'hub-agent.cjs')).catch(() => null))) throw new Error(`The build left no ${dist}/hub-agent.cjs`);
}

async function prepare(options: Options, withAgent: boolean, progress: Progress, signal: AbortSignal): Promise<RunnerDeps> {
  const cache = resolve(process.env.HUB_VM_CACHE ?? join(REPOSITORY, '.cache/vm'));
  // HUB_VM_DIST is for those who build the agent elsewhere.
  const dist = resolve(process.env.HUB_VM_DIST ?? join(REPOSITORY, 'dist', 'amd64'));
  if (withAgent && process.env.HUB_VM_DIST === undefined) await haveAgent(dist, progress, signal);
  const packageFolder = join(REPOSITORY, 'node_modules/node');
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const image = await ensureImage({ cache, node: join(packageFolder, 'bin/node'), nodeVersion: version, progress, signal });
  const machine = options.cold ? coldMachine(image) : await warmMachine(image, progress);
  return { machine, dist, systemd: join(REPOSITORY, 'systemd'), failures: join(cache, 'failures'), progress, signal };
}

async function keepUp(deps: RunnerDeps, kind: Scenario['kind'], progress: Progress, signal: AbortSignal): Promise<void> {
  const stage = await openStage(deps, kind, pageOf(progress));
  try {
    progress.line('The hub is up. Commands run in it as root; Ctrl-C, exit or end of input ends it.');
    await runShell(stage.hub, process.stdin, process.stdout, signal);
  } finally {
    await stage.stop();
  }
}

function printReport(report: RunReport, options: Options): void {
  const { outcomes, findings, logs } = report;
  const lines: string[] = [];
  if (options.report) lines.push('', TABLE_HEAD, ...outcomes.map(({ name, outcome }) => outcomeLine(name, outcome)), '');
  for (const finding of findings) lines.push(`SECRET FOUND: ${finding}`);
  if (logs) lines.push(`Logs: ${logs}`);
  const count = (is: (outcome: RunReport['outcomes'][number]['outcome']) => boolean) =>
    outcomes.filter(({ outcome }) => is(outcome)).length;
  const scenarios = outcomes.length;
  const stranded = count((outcome) => outcome.stranded ?? false);
  const truth = { untrue: count((outcome) => outcome.untrue ?? false), twice: count((outcome) => outcome.twice ?? false) };
  const unanswered = count((outcome) => outcome.unanswered ?? false);
  const secretsFound = findings.length;
  const targetsMissed = count((outcome) => (outcome.missed ?? []).length > 0);
  const figures = outcomes.every(({ kind }) => kind === 'update')
    ? { scenarios, bricked: stranded, ...truth, secretsFound }
    : { scenarios, stranded, unanswered, ...truth, secretsFound, targetsMissed };
  process.stdout.write(`${[...lines, JSON.stringify(figures)].join('\n')}\n`);
}

function wentWell({ outcomes, findings }: RunReport, options: Options): boolean {
  const went = outcomes.every(({ outcome }) => isWell(outcome));
  const inTime = outcomes.every(({ outcome }) => (outcome.missed ?? []).length === 0);
  return went && findings.length === 0 && (inTime || !options.report);
}

async function main(signal: AbortSignal): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    return EX_USAGE;
  }
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const all: Scenario[] = [
    ...machineScenarios,
    ...unitScenarios,
    ...wifiScenarios,
    ...wifiOutageScenarios,
    ...zigbeeScenarios(),
    ...packageScenarios,
    ...updateScenarios,
  ];
  const chosen = options.only.length === 0 ? all : all.filter(({ name }) => options.only.some((text) => name.includes(text)));
  if (options.list) {
    process.stdout.write(`${chosen.map(({ name }) => name).join('\n')}\n`);
    return 0;
  }
  if (chosen.length === 0) {
    process.stderr.write(`No scenario has ${options.only.join(' or ')} in its name; --list prints them.\n`);
    return EX_USAGE;
  }
  const progress = createProgress((text) => process.stdout.write(text));
  if (!(await haveHostPackages(options, progress, signal))) return EX_UNAVAILABLE;
  const needsAgent = options.keep || chosen.some(({ kind }) => kind !== 'machine');
  const kept = chosen.every(({ kind }) => kind === 'update') ? 'update' : 'agent';
  const deps = await prepare(options, needsAgent, progress, signal);
  if (options.keep && options.only.length === 0) {
    await keepUp(deps, 'agent', progress, signal);
    return 0;
  }
  const report = await runScenarios(chosen, deps);
  printReport(report, options);
  if (options.keep) await keepUp(deps, kept, progress, signal);
  return wentWell(report, options) ? 0 : 1;
}

const asked = new AbortController();
let signalCode = 0;
for (const name of Object.keys(EX_SIGNAL)) {
  process.once(name, () => {
    signalCode = EX_SIGNAL[name]!;
    asked.abort(new Error(`ended by ${name}`));
  });
}
main(asked.signal).then(
  (code) => process.exit(signalCode || code),
  (error: unknown) => {
    process.stderr.write(`${signalCode ? (error as Error).message : (error as Error).stack}\n`);
    process.exit(signalCode || 1);
  },
);
