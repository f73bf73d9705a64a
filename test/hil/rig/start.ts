import type { AgentProcess, LogLine } from './agent-process.ts';
import { createRig, type Rig, type RigOptions } from './rig.ts';

/** A rig whose hub is registered, with its agent online. */
export interface OnlineRig extends AsyncDisposable {
  rig: Rig;
  agent: AgentProcess;
}

/** Makes the world, starts the agent and waits until the cloud shows it online. */
export async function startOnline(options: RigOptions & { env?: Record<string, string> } = {}): Promise<OnlineRig> {
  const { env, ...rest } = options;
  const rig = await createRig(rest);
  try {
    const agent = rig.startAgent({ ...(env && { env }) });
    await untilOnline(rig);
    await rig.provision();
    return { rig, agent, [Symbol.asyncDispose]: rig.dispose };
  } catch (error) {
    await rig.dispose();
    throw error;
  }
}

/** Waits until a session other than `before` is the one that the shadow shows online; resolves with it. */
export function untilOnline(rig: Rig, before?: string): Promise<string> {
  return rig.untilReported('online', ({ online, session }) => online === true && session !== before && String(session));
}

/** Waits until nothing stands in `desired` any more. */
export function untilTaken(rig: Rig): Promise<true> {
  return rig.until('the command taken', () => rig.desired().command === undefined && rig.desired().args === undefined);
}

/** How often the agents began to run the command with this id, over all their lives. */
export function runsOf(id: unknown, ...agents: AgentProcess[]): number {
  return agents.flatMap(({ lines }) => [...lines]).filter((line: LogLine) => line.event === 'command_started' && line.id === id).length;
}

/** A peripheral alone on a fast line: a scan ends in a moment. */
export const ONE_PERIPHERAL: Pick<RigOptions, 'peripherals' | 'addresses'> = { peripherals: [{ address: 0 }], addresses: [0] };

/** So many silent addresses that a refresh still runs when a test does the next thing, and ends while it waits. */
export const SLOW_SCAN: Pick<RigOptions, 'peripherals' | 'addresses'> = { peripherals: [{ address: 0 }], addresses: ['0-50'] };

/** Waits until the first scan is over, all peripherals are found and that is reported: what follows is not mixed with reports of new nodes. */
export function untilScanned(rig: Rig, count = 1): Promise<true> {
  return rig.untilReported('the first scan', ({ nodes }) => {
    const { scanComplete, available } = (nodes ?? {}) as { scanComplete?: boolean; available?: number };
    return scanComplete === true && available === count;
  });
}
