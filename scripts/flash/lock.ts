import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { isAlive } from '../processes.ts';

/** A process and no other, also when its number is given away again: its start in clock ticks since boot, and which boot. */
interface Holder {
  pid: number;
  startTicks: string | null;
  bootId: string | null;
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** Field 22 of proc_pid_stat(5), counted behind the name, which is field 2 and may hold spaces and parentheses. */
const START_FIELD = 22 - 3;

async function holderOf(pid: number): Promise<Holder> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD] ?? null;
  const bootId = await readFile(BOOT_ID, 'utf8').catch(() => null);
  return { pid, startTicks, bootId: bootId?.trim() ?? null };
}

/** Who holds a lock: the process that wrote it, as long as it is that very one; null for a lock that is left over. */
async function liveHolder(path: string): Promise<number | null> {
  let noted: Partial<Holder> | null;
  try {
    noted = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
  const pid = noted?.pid;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return null;
  const now = await holderOf(pid);
  if (now.bootId !== (noted?.bootId ?? null)) return null;
  // Without a /proc that shows it (another system, hidepid) being alive is all that is known.
  return now.startTicks === null || now.startTicks === noted?.startTicks ? pid : null;
}

/** Makes a lock of this process, which its removal ends. One that a process left that is gone is taken over, also across a boot. @throws Error when another run has it */
export async function takeLock(path: string): Promise<void> {
  // A link appears with its content, unlike a file that is opened and then written.
  const own = `${path}.${process.pid}`;
  try {
    await writeFile(own, JSON.stringify(await holderOf(process.pid)));
    for (;;) {
      try {
        return await link(own, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const pid = await liveHolder(path);
      if (pid !== null) throw new Error(`Process ${pid} flashes into this folder. Wait for it, or end it.`);
      await rm(path, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}
