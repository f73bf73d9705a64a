import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { NodesResult } from '../../contract/node.ts';
import type { BusTrace } from '../../contract/trace.ts';
import { nodeFindings } from '../../health/node.ts';
import { parseBounded } from '../../system/bounded-json.ts';
import { sleep } from '../../system/clock.ts';
import { groupName, mayOpen, serviceUser } from '../machine/service-user.ts';
import {
  type Check,
  catalogued,
  type DoctorContext,
  type DoctorPorts,
  type Finding,
  fail,
  ok,
  type Settings,
  skipped,
  warn,
} from './check.ts';

/** Processes of a hub, many times over. */
const MAX_PROCESSES = 4_096;
const MAX_DESCRIPTORS = 256;
/** Some polls of every address that is asked in turn. */
const LISTEN_MS = 2_500;
/** One lost answer is chance. */
const ENOUGH_NOISE = 2;
/** A peripheral that is asked at another rate mostly stays silent, for it hears no frame. */
const AUTO_BAUD = 'set "baudRate": "auto" for this bus in /etc/hub-agent/agent.json';

/** A process that has a device open. */
export interface Holder {
  pid: number;
  name: string;
}

/** Which processes have the device open; only root sees all. */
export async function holdersOf(device: string): Promise<Holder[]> {
  const pids = (await readdir('/proc').catch(() => [] as string[])).filter((name) => /^\d+$/.test(name)).slice(0, MAX_PROCESSES);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const fds = (await readdir(`/proc/${pid}/fd`).catch(() => [] as string[])).slice(0, MAX_DESCRIPTORS);
      const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
      if (!targets.includes(device)) return [];
      const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim();
      return [{ pid: Number(pid), name }];
    }),
  );
  return found.flat();
}

/** What the agent may be called while it does not say its pid; its threads' names are those of Node. */
const AGENT_NAMES = /^(hub-agent|node|MainThread)/;

async function checkPort(
  { id, path }: Settings['buses'][number],
  { status, problem }: Awaited<ReturnType<DoctorContext['agent']>>,
  { etc, isRoot }: DoctorPorts,
): Promise<Finding> {
  const agentPid = status?.agent.pid ?? null;
  const device = await realpath(path).catch((error: NodeJS.ErrnoException) => error);
  if (typeof device !== 'string') {
    if (device.code === 'EACCES') return skipped(`${id}: ${path} cannot be looked at: use sudo`);
    return fail(`${id}: ${path} is not there: unplugged, or under another name`, 'ls -l /dev/serial/by-id/; sudo dmesg | grep tty');
  }
  if (!(await stat(device)).isCharacterDevice())
    return fail(`${id}: ${path} is no serial port`, 'Correct the path of the bus in /etc/hub-agent/agent.json.');
  const others = (await holdersOf(device)).filter(({ pid }) => pid !== agentPid && pid !== process.pid);
  // An agent that runs and does not answer is one of them.
  const silentAgent = problem !== null && ['hung', 'busy', 'forbidden'].includes(problem.problem);
  const strangers = others.filter(({ name }) => !(silentAgent && AGENT_NAMES.test(name)));
  // With answers coming in, whoever else has it open does not take them.
  const works = (status?.nodes.available ?? 0) > 0 && status?.buses.some((bus) => bus.id === id && bus.state === 'up');
  if (strangers.length > 0) {
    const who = strangers.map(({ pid, name }) => `${name} (pid ${pid})`).join(', ');
    if (works) return ok(`${id}: ${path} works, and is open in ${who} too`);
    return fail(`${id}: ${device} is open in ${who}`, releaseCommand(strangers, device));
  }
  // A getty takes the device for itself: its rights are judged without one.
  if (!(await mayOpen(device, await serviceUser(etc))))
    return fail(`${id}: the agent may not open ${device}`, await openCommand(device, etc));
  if (status?.buses.find((bus) => bus.id === id)?.error?.reason === 'unit') {
    const words = `${id}: the unit of the service refuses ${device}, whose mode would allow it: DeviceAllow= does not name its class`;
    return fail(words, await allowCommand(device));
  }
  if (!isRoot && !works) return skipped(`${id}: ${path} is there and may be opened; who else has it open cannot be seen: use sudo`);
  return ok(`${id}: ${path} is there and may be opened`);
}

/** Services that take every serial port they see, and come back when they are only killed. */
const SERVICES: Readonly<Record<string, string>> = { ModemManager: 'ModemManager', brltty: 'brltty' };

/** What ends these processes, and keeps them away. */
export function releaseCommand(holders: readonly Holder[], device: string): string {
  const services = holders.flatMap(({ name }) => (name.endsWith('getty') ? `serial-getty@${basename(device)}` : (SERVICES[name] ?? [])));
  const others = holders.filter(({ name }) => !name.endsWith('getty') && !SERVICES[name]).map(({ pid }) => pid);
  const commands = [...new Set(services)].map((service) => `sudo systemctl disable --now ${service}`);
  return [...commands, ...(others.length > 0 ? [`sudo kill ${others.join(' ')}`] : [])].join('; ');
}

/** What gives the service the device: its group, when that may use it. */
async function openCommand(device: string, etc: string): Promise<string> {
  const { gid, mode } = await stat(device);
  const restart = 'sudo systemctl restart hub-agent';
  if (gid === 0 || (mode & 0o060) !== 0o060) return `sudo chgrp dialout ${device}; sudo chmod 0660 ${device}; ${restart}`;
  return `sudo usermod -aG ${await groupName(etc, gid)} hub-agent; ${restart}`;
}

/** What adds the device's class to those that the unit allows. */
async function allowCommand(device: string): Promise<string> {
  const { rdev } = await stat(device);
  const name = className(await readFile('/proc/devices', 'utf8').catch(() => ''), major(rdev));
  const folder = '/etc/systemd/system/hub-agent.service.d';
  const allowed = name === null ? device : `char-${name}`;
  return `sudo mkdir -p ${folder}; printf '[Service]\\nDeviceAllow=${allowed} rw\\n' | sudo tee ${folder}/serial.conf; sudo systemctl daemon-reload; sudo systemctl restart hub-agent`;
}

/** The kernel's major number in a device number (makedev(3), glibc). */
const major = (rdev: number) => Number((BigInt(rdev) >> 8n) & 0xfffn);

/** The class of character devices with this major number, as /proc/devices (proc(5)) names it; null when there is none. */
export function className(devices: string, number: number): string | null {
  const characters = devices.split(/^Block devices:/m)[0]!;
  const names = [...characters.matchAll(/^ *(\d+) (\S+)$/gm)].filter(([, each]) => Number(each) === number).map(([, , name]) => name!);
  return names.find((name) => name.startsWith('tty') && name !== 'tty') ?? names[0] ?? null;
}

export const serialCheck: Check = {
  name: 'serial',
  why: 'The readers and locks are behind these ports.',
  async run({ settings, agent, ports }) {
    if (settings.buses.length === 0) return skipped('no bus is configured');
    const known = await agent();
    return Promise.all(settings.buses.map((bus) => checkPort(bus, known, ports)));
  },
};

/** Listens to a bus for a while: how many requests got an answer, noise, or nothing. */
async function listen({ ports }: DoctorContext, bus: string): Promise<{ answers: number; noise: number; silences: number }> {
  const heard = { answers: 0, noise: 0, silences: 0 };
  const end = new AbortController();
  void sleep(ports.clock, LISTEN_MS, end.signal).then(() => end.abort());
  try {
    await ports.client.lines({ path: `/v1/bus/${encodeURIComponent(bus)}/trace`, signal: end.signal }, (line) => {
      const { kind, text } = parseBounded(line) as BusTrace;
      if (kind === 'received') heard.answers += 1;
      else if (kind === 'silence') heard[text.startsWith('noise') ? 'noise' : 'silences'] += 1;
      if (heard.answers > 0 || heard.noise >= ENOUGH_NOISE) end.abort();
    });
  } finally {
    end.abort();
  }
  return heard;
}

async function checkBus(context: DoctorContext, { id, baudRate }: Settings['buses'][number], nodes: NodesResult): Promise<Finding> {
  const bus = nodes.buses.find((each) => each.id === id);
  if (!bus) return warn(`${id}: the agent does not know it: it runs with an older configuration`, 'sudo systemctl restart hub-agent');
  if (bus.state === 'unavailable') return fail(`${id}: ${bus.error?.message ?? 'unavailable'}`, 'sudo hubctl doctor --check serial');
  const own = nodes.nodes.filter((node) => node.bus === id);
  const available = own.filter((node) => node.available).length;
  if (available > 0 && available === own.length) return ok(`${id}: ${available} nodes answer`);
  if (available > 0) {
    const silent = own.filter((node) => !node.available).map(({ address }) => address);
    return warn(
      `${id}: ${own.length - available} of ${own.length} nodes are silent (${silent.slice(0, 8).join(', ')})`,
      'Look at their power and their plugs; hubctl nodes',
    );
  }
  const { answers, noise, silences } = await listen(context, id);
  if (answers > 0) return ok(`${id}: a node answers, the scan still runs`);
  if (noise >= ENOUGH_NOISE) {
    return fail(
      `${id}: bytes come back that are no frames: a wrong baud rate (now ${baudRate}), or A and B crossed`,
      `${AUTO_BAUD}; sudo systemctl restart hub-agent`,
    );
  }
  if (silences === 0) return skipped(`${id}: nothing was asked meanwhile`);
  return fail(
    `${id}: nobody answers: no power, cut or crossed wires, another baud rate (now ${baudRate}), or other addresses`,
    `Measure 12 V at the first reader and A-B at rest (over 200 mV); ${baudRate === 'auto' ? '' : `${AUTO_BAUD}; `}sudo hubctl nodes scan --bus ${id}`,
  );
}

export const busCheck: Check = {
  name: 'bus',
  why: 'A lock that does not answer cannot be opened or watched.',
  async run(context) {
    const { settings, agent, ports } = context;
    if (settings.buses.length === 0) return skipped('no bus is configured');
    const { problem } = await agent();
    if (problem) return skipped('only the agent can ask the buses');
    const nodes = await ports.client.get<NodesResult>('/v1/nodes');
    const buses = await Promise.all(settings.buses.map((bus) => checkBus(context, bus, nodes)));
    return [...buses, ...nodeFindings(nodes.nodes).map(catalogued)];
  },
};
