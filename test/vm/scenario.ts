import type { AgentWorld } from './agent-world.ts';
import type { VirtualHub } from './hub.ts';
import type { UpdateWorld } from './update/update-world.ts';

/** What a scenario of the machine alone gets. The hub is as it woke up, or as the scenario before left it. */
export interface MachineContext {
  hub: VirtualHub;
  signal: AbortSignal;
}

/** What a scenario with the agent gets: connected over the home network, all else as `AgentWorld.settle` leaves it. */
export interface AgentContext extends MachineContext {
  world: AgentWorld;
}

/** What a scenario of updates gets: a hub that takes jobs, online with a release that is committed. */
export interface UpdateContext extends AgentContext {
  updates: UpdateWorld;
}

/** How a scenario ended. */
export interface Outcome {
  /** The SSID the hub is on at the end; null: none. */
  network: string | null;
  /** What came of it, in a few words: the command's status and code. */
  answer: string;
  /** From the command to its answer, in the guest's time, which under emulation is the host's. */
  tookMs: number;
  /** The hub did not come back to the cloud. */
  stranded?: boolean;
  /** The command was never answered. */
  unanswered?: boolean;
  /** A job says of an update what is not so. */
  untrue?: boolean;
  /** Something was done twice. */
  twice?: boolean;
  /** What was expected and did not come; empty when all is well. */
  problems: string[];
  /** Figures that missed their target. A busy host does that too, so only a report's exit code is held to them. */
  missed?: string[];
}

/** One thing that happens to a hub. */
export type Scenario =
  | { name: string; kind: 'machine'; run(context: MachineContext): Promise<Outcome> }
  | { name: string; kind: 'agent'; run(context: AgentContext): Promise<Outcome> }
  | { name: string; kind: 'update'; run(context: UpdateContext): Promise<Outcome> };

/** Notes what is not as expected, without ending the scenario. */
export function createExpectations(): { problems: string[]; expect(condition: boolean, otherwise: string): void } {
  const problems: string[] = [];
  return {
    problems,
    expect(condition, otherwise) {
      if (!condition) problems.push(otherwise);
    },
  };
}
