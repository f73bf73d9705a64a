import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeFlags } from '../../hil/rig/agent-process.ts';
import type { Rig } from '../../hil/rig/rig.ts';
import { until } from '../../hil/rig/until.ts';
import { cpuMsOf, type Memory, memoryOf } from './proc.ts';

/** What one run of a program cost. */
export interface Run extends Memory {
  /** From the start of the process to the goal, wall time. */
  startMs: number;
  /** Processor time until then. */
  startCpuMs: number;
}

/** Eight peripherals that answer, as a site of ordinary size has them. */
export const EIGHT_PERIPHERALS = Array.from({ length: 8 }, (_, address) => ({ address, turnaround: 5 }));

/** Stops the agent and waits until the broker has forgotten the session. */
async function gone(rig: Rig, stop: () => Promise<unknown>): Promise<void> {
  await stop();
  await until(
    (listener) => rig.iotCore.onEvent(listener),
    'the end of the session',
    () => rig.iotCore.connections().length === 0,
  );
  // AWS takes one CONNECT a second for a client id.
  await sleep(1_100);
}

/** Runs the bundle until the cloud shows it online with its peripherals found, waits, and reads what it costs. `work` is done before it is stopped. */
export async function runAgent(
  rig: Rig,
  bundle: string,
  { settleMs, peripherals, work }: { settleMs: number; peripherals: number; work?: (pid: number) => Promise<void> },
): Promise<Run> {
  const session = rig.reported().session;
  const beganMs = performance.now();
  const agent = rig.startAgent({
    program: [process.execPath, ...nodeFlags(), bundle],
    env: { NODE_COMPILE_CACHE: '', NODE_DISABLE_COMPILE_CACHE: '1' },
  });
  await rig.untilReported('online', (reported) => reported.online === true && reported.session !== session);
  const startMs = performance.now() - beganMs;
  const startCpuMs = cpuMsOf(agent.pid);
  await rig.untilReported('the peripherals', ({ nodes }) => {
    const { scanComplete, available } = (nodes ?? {}) as { scanComplete?: boolean; available?: number };
    return peripherals === 0 || (scanComplete === true && available === peripherals);
  });
  await sleep(settleMs);
  const memory = memoryOf(agent.pid);
  await work?.(agent.pid);
  await gone(rig, agent.stop);
  return { ...memory, startMs, startCpuMs };
}

/** Runs the floor until its CONNACK. */
export async function runFloor(
  rig: Rig,
  program: string,
  { settleMs, flags = [] }: { settleMs: number; flags?: readonly string[] },
): Promise<Run> {
  const connected = until(
    (listener) => rig.iotCore.onEvent(listener),
    'the CONNACK',
    () => rig.iotCore.connections().includes(rig.hubId),
  );
  const beganMs = performance.now();
  const places = [rig.iotCore.host, String(rig.iotCore.port), rig.hubId, `${rig.folder}/etc`];
  const child = spawn(process.execPath, [...flags, program, ...places], { stdio: ['ignore', 'ignore', 'inherit'] });
  await connected;
  const startMs = performance.now() - beganMs;
  const startCpuMs = cpuMsOf(child.pid!);
  await sleep(settleMs);
  const memory = memoryOf(child.pid!);
  await gone(rig, () => {
    child.kill('SIGKILL');
    return once(child, 'exit');
  });
  return { ...memory, startMs, startCpuMs };
}
