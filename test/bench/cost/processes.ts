import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentProcess, nodeFlags } from '../../hil/rig/agent-process.ts';
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

/** A program that is online. */
export interface Started {
  pid: number;
  startMs: number;
  startCpuMs: number;
  /** Stops it, and waits until its client id may connect again. */
  stop(): Promise<void>;
}

/** Eight peripherals that answer, as a site of ordinary size has them. */
export const EIGHT_PERIPHERALS = Array.from({ length: 8 }, (_, address) => ({ address, turnaround: 5 }));

/** The unit's environment, in place of the rig's: no compiled code is kept. */
const ENVIRONMENT = { NODE_COMPILE_CACHE: '', NODE_DISABLE_COMPILE_CACHE: '1' };

/** AWS takes one CONNECT a second for a client id. */
const CONNECT_GAP_MS = 1_100;

async function gone(rig: Rig, stop: () => Promise<unknown>): Promise<void> {
  await stop();
  await until(
    (listener) => rig.iotCore.onEvent(listener),
    'the end of the session',
    () => rig.iotCore.connections().length === 0,
  );
  await sleep(CONNECT_GAP_MS);
}

/** Starts the bundle as the unit does. `onStart` is told the process before anything is waited for. */
export async function startAgent(
  rig: Rig,
  bundle: string,
  options: { env?: Record<string, string>; flags?: readonly string[]; onStart?: (pid: number) => void } = {},
): Promise<Started & { agent: AgentProcess }> {
  const session = rig.reported().session;
  const beganMs = performance.now();
  const program = [process.execPath, ...nodeFlags(), ...(options.flags ?? []), bundle];
  const agent = rig.startAgent({ program, env: { ...ENVIRONMENT, ...options.env } });
  options.onStart?.(agent.pid);
  await rig.untilReported('online', (reported) => reported.online === true && reported.session !== session);
  const startMs = performance.now() - beganMs;
  return { agent, pid: agent.pid, startMs, startCpuMs: cpuMsOf(agent.pid), stop: () => gone(rig, agent.stop) };
}

/** Waits until the scan is over and so many peripherals were found. */
export async function untilFound(rig: Rig, peripherals: number): Promise<void> {
  await rig.untilReported('the peripherals', ({ nodes }) => {
    const { scanComplete, available } = (nodes ?? {}) as { scanComplete?: boolean; available?: number };
    return scanComplete === true && available === peripherals;
  });
}

/** Starts the floor, or another program with its arguments, and waits for its CONNACK. */
export async function startFloor(rig: Rig, program: string, options: { onStart?: (pid: number) => void } = {}): Promise<Started> {
  const connected = until(
    (listener) => rig.iotCore.onEvent(listener),
    'the CONNACK',
    () => rig.iotCore.connections().includes(rig.hubId),
  );
  const beganMs = performance.now();
  const places = [rig.iotCore.host, String(rig.iotCore.port), rig.hubId, `${rig.folder}/etc`];
  const child = spawn(process.execPath, [program, ...places], { stdio: ['ignore', 'ignore', 'inherit'] });
  const pid = child.pid!;
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  options.onStart?.(pid);
  await connected;
  return {
    pid,
    startMs: performance.now() - beganMs,
    startCpuMs: cpuMsOf(pid),
    stop: () =>
      gone(rig, async () => {
        process.removeListener('exit', kill);
        kill();
        await once(child, 'exit');
      }),
  };
}

/** Runs the bundle until the cloud shows it online with its peripherals found, waits, and reads what it costs. `work` is done before it is stopped. */
export async function runAgent(
  rig: Rig,
  bundle: string,
  { settleMs, peripherals, work }: { settleMs: number; peripherals: number; work?: (pid: number) => Promise<void> },
): Promise<Run> {
  const { pid, startMs, startCpuMs, stop } = await startAgent(rig, bundle);
  await untilFound(rig, peripherals);
  await sleep(settleMs);
  const memory = memoryOf(pid);
  await work?.(pid);
  await stop();
  return { ...memory, startMs, startCpuMs };
}

/** Runs the floor until its CONNACK, waits, and reads what it costs. */
export async function runFloor(rig: Rig, program: string, { settleMs }: { settleMs: number }): Promise<Run> {
  const { pid, startMs, startCpuMs, stop } = await startFloor(rig, program);
  await sleep(settleMs);
  const memory = memoryOf(pid);
  await stop();
  return { ...memory, startMs, startCpuMs };
}
