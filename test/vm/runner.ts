import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AgentWorld, createAgentWorld } from './agent-world.ts';
import { createVirtualHub, type VirtualHub } from './hub.ts';
import type { Progress } from './progress.ts';
import { type MachineFiles, RUN_FILES } from './qemu.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { isWell, outcomeLine } from './table.ts';
import { createReleaseMaker } from './update/releases.ts';
import { createUpdateWorld, furnishForUpdates, type UpdateWorld } from './update/update-world.ts';

export interface RunnerDeps {
  machine: MachineFiles;
  dist: string;
  systemd: string;
  /** Where the logs of a machine go when something went wrong. */
  failures: string;
  progress: Progress;
  signal: AbortSignal;
}

/** What a run came to. */
export interface RunReport {
  outcomes: { name: string; kind: Scenario['kind']; outcome: Outcome }[];
  /** Secrets found, by label and place. */
  findings: string[];
  /** The last machine's logs were kept there; null when all went well. */
  logs: string | null;
}

/** Watches a hub: told of it once its cloud is up, before the agent is installed. */
export interface Onlooker {
  /** Addresses of the peripherals that it puts on the hub's serial line. */
  readonly addresses: readonly number[];
  watch(hub: VirtualHub, world: AgentWorld): Promise<AsyncDisposable>;
}

/** A machine with or without the agent's world, up until `stop`. */
export interface Stage {
  hub: VirtualHub;
  world: AgentWorld | null;
  /** Where the scenarios are those of updates. */
  updates: UpdateWorld | null;
  stop(): Promise<void>;
}

/** Brings a hub up, and what its kind of scenarios needs in it. */
export async function openStage(deps: RunnerDeps, kind: Scenario['kind'], onlooker: Onlooker | null = null): Promise<Stage> {
  const { progress, signal } = deps;
  const hub = createVirtualHub({ machine: deps.machine });
  let world: AgentWorld | null = null;
  let updates: UpdateWorld | null = null;
  let watching: AsyncDisposable | null = null;
  let stopped: Promise<void> | null = null;
  const stop = () => {
    stopped ??= (async () => {
      signal.removeEventListener('abort', stop);
      await watching?.[Symbol.asyncDispose]();
      await hub.stop();
      await world?.stop();
    })();
    return stopped;
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await progress.step(deps.machine.state === null ? 'boot' : 'wake from the saved state', () => hub.start());
    if (kind !== 'machine') {
      const releases = kind === 'update' ? await createReleaseMaker(deps.dist) : null;
      const furnish = releases && { furnish: (folder: string) => furnishForUpdates(folder, releases) };
      const watched = onlooker && {
        addresses: onlooker.addresses,
        async onCloud() {
          watching = await onlooker.watch(hub, made);
        },
      };
      const made = await createAgentWorld({ hub, dist: deps.dist, systemd: deps.systemd, signal, ...furnish, ...watched });
      world = made;
      await progress.step('agent installed, online, claimed', () => made.start());
      updates = releases && createUpdateWorld({ hub, world: made, releases, signal });
    }
  } catch (error) {
    await keepLogs(hub, deps.failures).catch(() => {});
    await stop();
    throw error;
  }
  return { hub, world, updates, stop };
}

async function keepLogs(hub: VirtualHub, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of ['journal.log', 'console.log', 'exec.log', 'qemu.log']) await cp(join(hub.runFolder, name), join(folder, name));
  // Only scenarios with a stick have one.
  await cp(join(hub.runFolder, RUN_FILES.stick), join(folder, RUN_FILES.stick)).catch(() => {});
}

/** A scenario that threw: nothing is known of the hub then, so the worst is assumed. */
function crashed(error: unknown, tookMs: number): Outcome {
  const message = error instanceof Error ? error.message : String(error);
  return { network: null, answer: 'error', tookMs, stranded: true, unanswered: true, untrue: true, problems: [message] };
}

async function runOne(scenario: Scenario, stage: Stage, signal: AbortSignal): Promise<Outcome> {
  const started = performance.now();
  try {
    if (scenario.kind === 'machine') return await scenario.run({ hub: stage.hub, signal });
    if (!stage.world) throw new Error('this scenario needs the agent');
    if (scenario.kind === 'update') return await scenario.run({ hub: stage.hub, world: stage.world, updates: stage.updates!, signal });
    await stage.world.settle();
    return await scenario.run({ hub: stage.hub, world: stage.world, signal });
  } catch (error) {
    signal.throwIfAborted();
    return crashed(error, performance.now() - started);
  }
}

async function findSecrets(stage: Stage): Promise<string[]> {
  const { world, hub } = stage;
  if (!world) return [];
  const found = [...(await hub.evidence.find(world.secrets)), ...(await world.cloud.find(world.secrets))];
  return found.map(({ label, place }) => `${label}: ${place}`);
}

/** Runs the scenarios in order: those of the machine in one hub, those of the agent in another, those of updates in a third. */
export async function runScenarios(scenarios: Scenario[], deps: RunnerDeps): Promise<RunReport> {
  const { progress, signal } = deps;
  const report: RunReport = { outcomes: [], findings: [], logs: null };
  for (const kind of ['machine', 'agent', 'update'] as const) {
    const chosen = scenarios.filter((scenario) => scenario.kind === kind);
    if (chosen.length === 0) continue;
    const stage = await openStage(deps, kind);
    try {
      for (const scenario of chosen) {
        signal.throwIfAborted();
        const outcome = await runOne(scenario, stage, signal);
        report.outcomes.push({ name: scenario.name, kind, outcome });
        progress.line(outcomeLine(scenario.name, outcome));
        if (!isWell(outcome) || (outcome.missed ?? []).length > 0) report.logs = deps.failures;
      }
      report.findings.push(...(await progress.step('search for secrets', () => findSecrets(stage))));
      if (report.findings.length > 0) report.logs = deps.failures;
      if (report.logs) await keepLogs(stage.hub, join(deps.failures, kind));
    } finally {
      await stage.stop();
    }
  }
  return report;
}
