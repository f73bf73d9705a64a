import type { Alarm } from '../../contract/alarm.ts';
import type { Node, NodesResult } from '../../contract/node.ts';
import { busFinding, busProblem, defaultKeyFindings, onDefaultKey } from '../../health/bus.ts';
import type { HealthFinding } from '../../health/finding.ts';
import { nodeFindings, tampered, tamperFindings } from '../../health/node.ts';
import { type PortCode, type PortParams, portFinding } from '../../health/port.ts';
import { sleep } from '../../system/clock.ts';
import { messages } from '../answers/answer.ts';
import { nodesAnswer } from '../answers/nodes.ts';
import { heardAnswer } from '../answers/trace.ts';
import { groupName, mayOpen, serviceUser } from '../machine/service-user.ts';
import { type Check, catalogued, type DoctorContext, type DoctorPorts, type Finding, ok, type Settings, skipped } from './check.ts';
import { holdersOf, releaseCommand } from './holders.ts';
import { unconfigured } from './unconfigured.ts';

/** Some polls of every address that is asked in turn. */
const LISTEN_MS = 2_500;
/** One lost answer is chance. */
const ENOUGH_NOISE = 2;

/** What the agent may be called while it does not say its pid; its threads' names are those of Node. */
const AGENT_NAMES = /^(hub-agent|node|MainThread)/;

const port = <Code extends PortCode>(code: Code, params: PortParams[Code]) => catalogued(portFinding(code, params, params.bus));

async function checkPort(
  { id, path }: Settings['buses'][number],
  { status, problem }: Awaited<ReturnType<DoctorContext['agent']>>,
  ports: DoctorPorts,
): Promise<Finding> {
  const { isRoot, paths } = ports;
  const agentPid = status?.agent.pid ?? null;
  const device = await paths.real(path).catch((error: NodeJS.ErrnoException) => error);
  if (typeof device !== 'string') {
    if (device.code === 'EACCES') return skipped(`${id}: ${path} cannot be looked at: use sudo`);
    return port('port_missing', { bus: id, path });
  }
  if ((await paths.facts(device)).kind !== 'character_device') return port('port_no_device', { bus: id, path });
  const ownPids = [agentPid, process.pid, ...(status?.zigbee ?? []).map(({ pid }) => pid)];
  const others = (await holdersOf(device, ports)).filter(({ pid }) => !ownPids.includes(pid));
  // An agent that runs and does not answer is one of them.
  const silentAgent = problem !== null && ['hung', 'busy', 'forbidden'].includes(problem.problem);
  const strangers = others.filter(({ name }) => !(silentAgent && AGENT_NAMES.test(name)));
  // With answers coming in, another process that has it open does not take them.
  const works = (status?.nodes.available ?? 0) > 0 && status?.buses.some((bus) => bus.id === id && bus.state === 'up');
  if (strangers.length > 0) {
    const holders = strangers.map(({ pid, command }) => `${command} (pid ${pid})`);
    if (works) return ok(`${id}: ${path} works, and is open in ${holders.join(', ')} too`);
    return port('port_held', { bus: id, path: device, holders, commands: releaseCommand(strangers, device) });
  }
  // A getty takes the device for itself: its rights are checked without one.
  if (!(await mayOpen(paths, device, await serviceUser(ports))))
    return port('port_closed', { bus: id, path: device, commands: await openCommand(device, ports) });
  if (status?.buses.find((bus) => bus.id === id)?.error?.reason === 'unit') {
    return port('port_unit', { bus: id, path: device, commands: await allowCommand(device, ports) });
  }
  if (!isRoot && !works) return skipped(`${id}: ${path} is there and may be opened; who else has it open cannot be seen: use sudo`);
  return ok(`${id}: ${path} is there and may be opened`);
}

/** What gives the service the device: its group, when that may use it. */
async function openCommand(device: string, ports: DoctorPorts): Promise<string> {
  const { gid, mode } = await ports.paths.facts(device);
  const restart = 'sudo systemctl restart hub-agent';
  if (gid === 0 || (mode & 0o060) !== 0o060) return `sudo chgrp dialout ${device}; sudo chmod 0660 ${device}; ${restart}`;
  return `sudo usermod -aG ${await groupName(ports, gid)} hub-agent; ${restart}`;
}

/** What adds the device's class to those that the unit allows. */
async function allowCommand(device: string, { paths, files }: DoctorPorts): Promise<string> {
  const { device: number } = await paths.facts(device);
  const name = className((await files.read('/proc/devices').catch(() => null))?.toString('utf8') ?? '', major(number));
  const folder = '/etc/systemd/system/hub-agent.service.d';
  const allowed = name === null ? device : `char-${name}`;
  return `sudo mkdir -p ${folder}; printf '[Service]\\nDeviceAllow=${allowed} rw\\n' | sudo tee ${folder}/serial.conf; sudo systemctl daemon-reload; sudo systemctl restart hub-agent`;
}

/** The kernel's major number in a device number (makedev(3), glibc). */
const major = (device: number) => Number((BigInt(device) >> 8n) & 0xfffn);

/** The class of character devices with this major number, as /proc/devices (proc(5)) names it; null when there is none. */
export function className(devices: string, number: number): string | null {
  const characters = devices.split(/^Block devices:/m)[0]!;
  const names = [...characters.matchAll(/^ *(\d+) (\S+)$/gm)].filter(([, each]) => Number(each) === number).map(([, , name]) => name!);
  return names.find((name) => name.startsWith('tty') && name !== 'tty') ?? names[0] ?? null;
}

export const serialCheck: Check = {
  name: 'serial',
  why: 'The readers and locks are behind these ports.',
  async run(context) {
    const { settings, agent, ports } = context;
    if (settings.buses.length === 0) return unconfigured(context, 'buses', 'bus');
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
    const onLine = messages(heardAnswer, ({ kind, heard: what }) => {
      if (kind === 'received') heard.answers += 1;
      else if (kind === 'silence') heard[what === 'noise' ? 'noise' : 'silences'] += 1;
      if (heard.answers > 0 || heard.noise >= ENOUGH_NOISE) end.abort();
    });
    await ports.client.lines({ path: `/v1/bus/${encodeURIComponent(bus)}/trace`, signal: end.signal }, onLine);
  } finally {
    end.abort();
  }
  return heard;
}

async function checkBus(
  context: DoctorContext,
  { id, protocol, baudRate }: Settings['buses'][number],
  nodes: NodesResult,
): Promise<Finding> {
  const bus = nodes.buses.find((each) => each.id === id);
  if (!bus) return catalogued(busProblem('bus_unknown', { bus: id }, id));
  const unavailable = busFinding(bus);
  if (unavailable) return catalogued(unavailable);
  const own = nodes.nodes.filter((node) => node.bus === id);
  const available = own.filter((node) => node.available).length;
  if (available > 0) {
    // A garbled address is a finding of its own.
    const addresses = own.filter((node) => !node.available && node.problem === null).map(({ address }) => address);
    if (addresses.length === 0) return ok(`${id}: ${available} nodes answer`);
    return catalogued(busProblem('nodes_silent', { silent: addresses.length, total: own.length, bus: id, addresses }, id));
  }
  if (protocol === 'zigbee')
    return own.length === 0
      ? skipped(`${id}: no device is paired yet: sudo hubctl nodes permit-join 60`)
      : catalogued(busProblem('nodes_silent', { silent: own.length, total: own.length, bus: id }, id));
  const { answers, noise, silences } = await listen(context, id);
  if (answers > 0) return ok(`${id}: a node answers, the scan still runs`);
  if (noise >= ENOUGH_NOISE) return catalogued(busProblem('bus_noise', { bus: id, baudRate }, id));
  if (silences === 0) return skipped(`${id}: nothing was asked meanwhile`);
  return catalogued(busProblem('bus_no_answer', { bus: id, baudRate }, id));
}

/** What is wrong with the nodes. An alarm stands, too, while its node does not say any more how it is. */
function findingsOf(nodes: readonly Node[], alarms: readonly Alarm[]): HealthFinding[] {
  const open = nodes.filter(({ tamper }) => tamper).map(({ nodeId }) => nodeId);
  const byBus = [...Map.groupBy(nodes, ({ bus }) => bus)].map(([bus, own]) => ({ bus, defaultKey: onDefaultKey(own) }));
  return [...tamperFindings([...new Set([...open, ...tampered(alarms)])]), ...nodeFindings(nodes), ...defaultKeyFindings(byBus)];
}

export const busCheck: Check = {
  name: 'bus',
  why: 'A lock that is silent, not secured or tampered with cannot be relied on.',
  async run(context) {
    const { settings, agent, ports } = context;
    if (settings.buses.length === 0) return unconfigured(context, 'buses', 'bus');
    const { status, problem } = await agent();
    if (problem) return skipped('only the agent can ask the buses');
    const result = await ports.client.get('/v1/nodes', nodesAnswer);
    const buses = await Promise.all(settings.buses.map((bus) => checkBus(context, bus, result)));
    return [...buses, ...findingsOf(result.nodes, status.alarms ?? []).map(catalogued)];
  },
};
