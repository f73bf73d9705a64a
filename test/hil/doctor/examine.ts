import { chmod, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAgentClient } from '../../../agent/hubctl/cli/client.ts';
import { locate } from '../../../agent/hubctl/cli/locate.ts';
import type { CheckResult, DoctorPorts } from '../../../agent/hubctl/doctor/check.ts';
import { runDoctor } from '../../../agent/hubctl/doctor/doctor.ts';
import { createFiles } from '../../../agent/system/files.ts';
import type { HostReport } from '../../../agent/system/host.ts';
import { createPaths } from '../../../agent/system/paths.ts';
import type { Pki } from '../../twins/pki/types.ts';
import { bareMachine } from '../../unit/hubctl/bare-machine.ts';
import type { Rig } from '../rig/rig.ts';

/** One fault: how it is made, and what the doctor must say of it. */
export interface Fault {
  what: string;
  check: string;
  status?: CheckResult['status'];
  finding: RegExp;
  remedy: RegExp;
  config?: Record<string, unknown>;
  /** The rig has a serial line, with nothing on it. */
  line?: boolean;
  /** `foreign` is an authority that this hub's cloud does not trust. */
  make?: (rig: Rig, etc: string, foreign: Pki) => Promise<unknown> | unknown;
  ports?: (rig: Rig) => Partial<DoctorPorts> | Promise<Partial<DoctorPorts>>;
}

/** Runs the named checks (a list with commas) on the hub of a rig, with some of the doctor's ports changed. */
export async function examine(rig: Rig, checks: string, changes: Partial<DoctorPorts> = {}): Promise<CheckResult[]> {
  const etc = join(rig.folder, 'etc');
  const places = await locate(
    { config: join(etc, 'agent.json'), identity: join(etc, 'identity.json') },
    { env: {}, files: createFiles(), paths: createPaths() },
  );
  const ports: DoctorPorts = {
    ...bareMachine(rig.folder),
    client: createAgentClient(places.socketPath),
    places,
    ...changes,
  };
  return runDoctor(ports, checks.split(','), () => {});
}

/** A host with some of its figures changed. */
export const host = (report: Partial<HostReport>, synchronized: boolean | null = null): Partial<DoctorPorts> => {
  const { host: hostOf } = bareMachine(tmpdir());
  const real = hostOf(tmpdir());
  return {
    host: () => ({ ...real, clockSynchronized: async () => synchronized, collect: async () => ({ ...(await real.collect()), ...report }) }),
  };
};

/** A wall clock that stands still. */
export const at = (iso: string): Partial<DoctorPorts> => ({ wallClock: { nowMs: () => Date.parse(iso) } });

/** A serial bus whose port is a link in the configuration's folder. */
export const BUS = { id: 'rs485', protocol: 'osdp', path: 'tty' };

/** Makes the state directory, with this mode. */
export const stateWithMode = (mode: number) => async (rig: Rig) => {
  await mkdir(join(rig.folder, 'state'), { recursive: true });
  await chmod(join(rig.folder, 'state'), mode);
};

/** hubctl without root, to whom this file is closed. */
export function createDenied(name: string): Partial<DoctorPorts> {
  const files = createFiles();
  const read = async (path: string) => {
    if (path.endsWith(name)) throw Object.assign(new Error('denied'), { code: 'EACCES' });
    return files.read(path);
  };
  return { configFaults: bareMachine(tmpdir(), { isRoot: false, files: { read } }).configFaults };
}
