import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { MonotonicClock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { Paths } from '../../system/paths.ts';
import type { DoctorPorts } from '../doctor/check.ts';
import { parseService, SERVICE_PROPERTIES, type ServiceState, SILENT_SYSTEMD } from './service-state.ts';

const UNIT = 'hub-agent.service';
const SLICE = 'system.slice';

/** This machine's systemd and kernel, as far as the agent's service is concerned. */
export interface ServiceMachine {
  env: Readonly<Record<string, string | undefined>>;
  clock: MonotonicClock;
  files: Pick<Files, 'read'>;
  paths: Pick<Paths, 'denial'>;
  /** There when the machine was booted with systemd (sd_booted(3)). */
  systemdFolder: string;
  /** Where the kernel shows the control groups (cgroups(7)). */
  cgroupFolder: string;
}

/** How a program ended: `absent`, it could not be started; `late`, it was given up. */
type Ending = 'done' | 'failed' | 'absent' | 'late';

/**
 * Runs a program and passes on its lines. One that takes too long is ended, and not waited for: in an uninterruptible sleep of the kernel
 * it would not even end.
 */
function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  { env, clock, timeoutMs, signal }: Pick<ServiceMachine, 'env' | 'clock'> & { timeoutMs: number | null; signal?: AbortSignal | undefined },
  onLine: (line: string) => void,
): Promise<Ending> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env });
    const lines = createInterface({ input: child.stdout }).on('line', onLine);
    const end = (ending: Ending) => {
      cancel();
      signal?.removeEventListener('abort', giveUp);
      resolve(ending);
    };
    const giveUp = () => {
      lines.close();
      child.stdout.destroy();
      child.kill('SIGKILL');
      child.unref();
      end('late');
    };
    const cancel = timeoutMs === null ? () => {} : clock.schedule(timeoutMs, giveUp);
    signal?.addEventListener('abort', giveUp, { once: true });
    child.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ENOENT' ? 'absent' : 'failed'));
    child.once('close', (code) => end(code === 0 ? 'done' : 'failed'));
  });
}

/** A process in the control group of the service; 0: it has none, null: the kernel does not tell. */
async function servicePid({
  cgroupFolder,
  files,
  paths,
}: Pick<ServiceMachine, 'cgroupFolder' | 'files' | 'paths'>): Promise<number | null> {
  try {
    const processes = await files.read(join(cgroupFolder, SLICE, UNIT, 'cgroup.procs'));
    if (processes) return Number.parseInt(processes.toString('utf8'), 10) || 0;
    // systemd removes the group of a service at rest. Without the unified hierarchy the group is elsewhere, and its absence proves nothing.
    return (await paths.denial(join(cgroupFolder, 'cgroup.controllers'), 'none')) === null ? 0 : null;
  } catch {
    return null;
  }
}

/** Asks systemd for the service, and the kernel when systemd is silent. Null only where there surely is no such service. */
export async function askService(machine: ServiceMachine, timeoutMs: number): Promise<ServiceState | null> {
  const { systemdFolder, env, clock } = machine;
  if ((await machine.paths.denial(systemdFolder, 'none')) === 'ENOENT') return null;
  const lines: string[] = [];
  const ending = await runProgram(
    ['systemctl', 'show', UNIT, `--property=${SERVICE_PROPERTIES}`],
    { env, clock, timeoutMs },
    (line) => void lines.push(line),
  );
  if (ending === 'absent') return null;
  const state = ending === 'done' ? parseService(lines.join('\n')) : SILENT_SYSTEMD;
  return state?.activeState === SILENT_SYSTEMD.activeState ? { ...SILENT_SYSTEMD, pid: await servicePid(machine) } : state;
}

/** Passes on what the journal has of the service; null when journalctl did not end in time, and gave nothing. */
export async function readJournal(
  { env, clock }: Pick<ServiceMachine, 'env' | 'clock'>,
  { lines, follow, only, signal, timeoutMs }: Parameters<DoctorPorts['journal']>[0] & { timeoutMs: number },
  onLine: (line: string) => void,
): Promise<boolean | null> {
  const args = ['--unit', UNIT, '--output', 'cat', '--quiet', '--no-pager', '--lines', String(lines), ...(follow ? ['--follow'] : [])];
  const filter = only ? ['--output-fields', only.field, `MESSAGE_ID=${only.messageId}`] : [];
  let any = false;
  const ending = await runProgram(
    ['journalctl', ...args, ...filter],
    { env, clock, timeoutMs: follow ? null : timeoutMs, signal },
    (line) => {
      any = true;
      onLine(line);
    },
  );
  return any || (ending === 'late' && !signal?.aborted ? null : false);
}
