import { readdirSync, readFileSync } from 'node:fs';

/** What a process holds, MB (2^20 bytes), from /proc/PID/smaps_rollup. */
export interface Memory {
  /** Resident, shared pages counted whole. */
  rssMB: number;
  /** Resident, each shared page divided by those that map it: depends on what else runs. */
  pssMB: number;
  /** Written by the process alone: what a second one would cost. */
  privateMB: number;
}

/** USER_HZ, in which proc(5) counts processor time: 100 on every architecture that Node runs on. */
const TICK_MS = 10;
const KB_PER_MB = 1024;

const round = (value: number, digits = 1) => Math.round(value * 10 ** digits) / 10 ** digits;

export function memoryOf(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (name: string) => round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? Number.NaN) / KB_PER_MB);
  return { rssMB: mb('Rss'), pssMB: mb('Pss'), privateMB: mb('Private_Dirty') };
}

/** Processor time of all threads since the start, milliseconds in steps of 10. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** How often the threads gave the processor up to wait: each is followed by a wake-up. */
export function wakeupsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }, 0);
}

/** Bytes that the process has caused to be written to disks. */
export function diskBytesOf(pid: number): number {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  return Number(/^write_bytes:\s+(\d+)/m.exec(io)?.[1] ?? Number.NaN);
}
