import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { until } from '../../hil/rig/until.ts';
import { createRandom } from '../../support/random.ts';
import { sendAll } from './backend.ts';
import { type FaultCounts, heal, injectCloudFault, injectHostFault, runFaults } from './faults.ts';
import { type ChaosHub, createChaosHub } from './hub.ts';
import { planCloudFaults, planCommands, planHostFaults } from './plan.ts';

export interface ChaosOptions {
  commands: number;
  agents: number;
  seed: number;
  /** Mean pause between two faults of the cloud, and of the host, on one hub. */
  cloudPauseMs: number;
  hostPauseMs: number;
  /** Told of problems as they come. */
  say(line: string): void;
}

/** The run so far, for a person. */
export interface Progress {
  sent: number;
  answered: number;
  faults: FaultCounts;
}

/** After the last fault a hub has this long to answer everything and to be shown as it is. */
const CONVERGE_MS = 120_000;
const START_MS = 60_000;
/** Every second hub has a serial line. */
const LINE_EVERY = 2;

/** All hubs of a run with their faults. */
export interface ChaosWorld {
  readonly hubs: readonly ChaosHub[];
  progress(): Progress;
  /** Sends all commands under faults, then lets everything converge and stops the agents. Resolves with what went wrong on the way. */
  run(): Promise<string[]>;
  dispose(): Promise<void>;
}

export async function createChaosWorld(options: ChaosOptions): Promise<ChaosWorld> {
  const { commands, agents, seed } = options;
  const faults: FaultCounts = {};
  let sent = 0;
  const hubs: ChaosHub[] = [];
  for (let index = 0; index < agents; index += 1) {
    hubs.push(await createChaosHub({ name: `hub-${index}`, withLine: index % LINE_EVERY === 0, seed: seed + index }));
  }

  /** Each part of a hub's fate has its own generator: how long one takes does not change what the others draw. */
  const randomOf = (index: number, part: number) => createRandom(seed * 1_000_003 + index * 101 + part).unit;
  const shareOf = (index: number) => Math.floor(commands / agents) + (index < commands % agents ? 1 : 0);

  async function runHub(hub: ChaosHub, index: number): Promise<string[]> {
    const problems: string[] = [];
    const attempt = (what: string, run: Promise<unknown>) =>
      run.catch((error: Error) => {
        problems.push(`${hub.name}: ${what}: ${error.message}`);
        options.say(problems.at(-1)!);
      });
    const over = new AbortController();
    const lane = { hub, counts: faults, signal: over.signal };
    const plans = planCommands(randomOf(index, 0), shareOf(index), hub.name);
    hub.launch();
    await attempt('start', until(hub.changed, 'online', () => hub.rig.reported().online === true, START_MS).then(hub.rig.provision));
    const lanes = [
      runFaults(planCloudFaults(randomOf(index, 1), options.cloudPauseMs), (fault) => injectCloudFault(hub, fault), lane),
      runFaults(planHostFaults(randomOf(index, 2), options.hostPauseMs), (fault) => injectHostFault(hub, fault), lane),
    ];
    const onSent = () => {
      sent += 1;
    };
    await attempt('send', sendAll(hub, plans, onSent));
    over.abort();
    for (const ended of lanes) await attempt('fault', ended);
    await attempt('heal', heal(hub));
    await attempt(
      'answers',
      until(hub.changed, 'all commands answered', () => hub.ledger.open().length === 0, CONVERGE_MS),
    );
    await attempt(
      'presence',
      until(hub.changed, 'online after the last fault', () => isRight(hub), CONVERGE_MS),
    );
    await attempt(
      'claim',
      until(hub.changed, 'the last claim reported', () => isClaimed(hub), CONVERGE_MS),
    );
    const code = await hub.end('stop');
    if (code !== 0) problems.push(`${hub.name}: the last stop ended with ${code}`);
    await attempt(
      'goodbye',
      until(hub.changed, 'offline after the stop', () => hub.rig.reported().online === false, CONVERGE_MS),
    );
    // Whatever a late message still does, it does now.
    await sleep(500);
    const { lastCommand } = hub.rig.reported() as { lastCommand?: { status?: string } };
    if (lastCommand?.status === 'IN_PROGRESS') problems.push(`${hub.name}: IN_PROGRESS is left in the shadow`);
    if (hub.rig.desired().command !== undefined) problems.push(`${hub.name}: a command is left in desired`);
    return problems;
  }

  const isRight = ({ rig }: ChaosHub) => rig.reported().online === true && rig.iotCore.connections().length === 1;

  const isClaimed = ({ rig }: ChaosHub) => isDeepStrictEqual(rig.reported().claim, rig.desired().claim);

  return {
    hubs,
    progress: () => ({ sent, answered: hubs.reduce((sum, { ledger }) => sum + ledger.tally().answered, 0), faults }),
    run: async () => (await Promise.all(hubs.map(runHub))).flat(),
    async dispose() {
      await Promise.all(hubs.map((hub) => hub.dispose()));
    },
  };
}
