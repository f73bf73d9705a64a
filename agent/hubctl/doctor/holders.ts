import { basename } from 'node:path';
import { lookUp } from '../../health/finding.ts';
import type { Files } from '../../system/files.ts';
import type { Paths } from '../../system/paths.ts';
import { printable } from '../../system/printable.ts';
import { truncate } from '../terminal/text.ts';

/** Processes of a hub, many times over. */
const MAX_PROCESSES = 4_096;
const MAX_DESCRIPTORS = 256;
/** Enough to know a program by. */
const MAX_COMMAND = 60;

/** A process that has a device open. */
export interface Holder {
  pid: number;
  /** Of its main thread, as the kernel has it: an interpreter has its own name there, or that of its thread. */
  name: string;
  /** Its program, and the file that it was given, such as an interpreter's script; the name where it has none. */
  command: string;
}

/** A script that an interpreter runs, or another file named by its whole path. */
const FILE = /^\/[^=\s]*$|^[^=\s:]+\.(?:py|js|cjs|mjs|ts|sh|pl|rb|lua)$/;

/**
 * Of a command line whose words end with a zero byte: the program, and the file that comes next. Other words may hold a secret, and what doctor says
 * goes into bundles. A process can write anything into its own line: of its first word only the beginning counts.
 */
function commandOf(commandLine: string): string {
  const [program = '', file = ''] = commandLine.split('\0');
  return truncate(printable([program.split(/\s/)[0], ...(FILE.test(file) ? [file] : [])].join(' ')).trim(), MAX_COMMAND);
}

/** Which processes have the device open; only root sees all. `processFolder` is where the kernel shows them (proc(5)). */
export async function holdersOf(
  device: string,
  { processFolder: processes, paths, files }: { processFolder: string; paths: Paths; files: Pick<Files, 'read'> },
): Promise<Holder[]> {
  const pids = (await paths.names(processes).catch(() => [] as string[])).filter((name) => /^\d+$/.test(name)).slice(0, MAX_PROCESSES);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const fds = (await paths.names(`${processes}/${pid}/fd`).catch(() => [] as string[])).slice(0, MAX_DESCRIPTORS);
      const targets = await Promise.all(fds.map((fd) => paths.target(`${processes}/${pid}/fd/${fd}`).catch(() => '')));
      if (!targets.includes(device)) return [];
      const read = async (name: string) => (await files.read(`${processes}/${pid}/${name}`).catch(() => null))?.toString('utf8') ?? '';
      const name = (await read('comm')).trim() || '?';
      return [{ pid: Number(pid), name, command: commandOf(await read('cmdline')) || name }];
    }),
  );
  return found.flat();
}

/** Services that take every serial port they see, and come back when they are only killed. */
const SERVICES: Readonly<Record<string, string>> = { ModemManager: 'ModemManager', brltty: 'brltty' };

/** What keeps these processes away. One that is not known is looked at first: its service would start it again. */
export function releaseCommand(holders: readonly Pick<Holder, 'pid' | 'name'>[], device: string): string {
  const services = holders.flatMap(({ name }) =>
    name.endsWith('getty') ? `serial-getty@${basename(device)}` : lookUp<string, string | string[]>(SERVICES, name, []),
  );
  const others = holders.filter(({ name }) => !name.endsWith('getty') && !Object.hasOwn(SERVICES, name)).map(({ pid }) => pid);
  const commands = [...new Set(services)].map((service) => `sudo systemctl disable --now ${service}`);
  if (others.length === 0) return commands.join('; ');
  const it = others.length === 1 ? 'it' : 'each';
  const look = `See what ${it} is: ps -p ${others.join(',')} -o args=; systemctl status ${others.join(' ')}. Then stop its service, or end the program.`;
  return [...commands, look].join('; ');
}
