import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Device } from '../../twins/zigbee-coordinator/index.ts';
import { agentConfig } from '../agent-world.ts';
import { until } from '../cloud-world.ts';
import { run } from '../host/run.ts';
import type { VirtualHub } from '../hub.ts';
import { RUN_FILES } from '../qemu.ts';
import type { AgentContext } from '../scenario.ts';
import { createZigbeeRoom, type ZigbeeRoom } from '../zigbee-room.ts';
import { dpkg, GUEST_FOLDER, hubctlJson, ONLINE_TIMEOUT_MS, providePackages, REPOSITORY } from './package-steps.ts';

const BUS = 'zigbee';
/** Where the agent keeps the network. */
export const STATE = `/var/lib/hub-agent/zigbee/${BUS}`;
/** Emulated, a process of Node needs some seconds to start, and a look at the network two of them. */
const UP_TIMEOUT_MS = 180_000;
const JOIN_SECONDS = 240;
const JOIN_TIMEOUT_MS = 200_000;
const JOINS = '/run/zigbee-joins';

/** What is read of `hubctl zigbee status`. */
export interface Network {
  state: string;
  stage: string;
  devices: number;
  pid: number | null;
  problem: { reason: string } | null;
}

type Joiner = Pick<Device, 'eui' | 'join'>;

/** The network as hubctl has it; null while the agent is not there. */
export async function networkOf(hub: VirtualHub): Promise<Network | null> {
  const status = await hubctlJson<{ networks: Network[] }>(hub, 'zigbee status').catch(() => null);
  return status?.value.networks?.[0] ?? null;
}

/** Waits until the network is so; answers it as it is then, or as it is after the time. */
export async function untilNetwork(
  { hub, signal }: AgentContext,
  isSo: (network: Network) => boolean,
  timeoutMs = UP_TIMEOUT_MS,
): Promise<Network | null> {
  let network: Network | null = null;
  await until(
    async () => {
      network = await networkOf(hub);
      return network !== null && isSo(network);
    },
    timeoutMs,
    signal,
  );
  return network;
}

export const isUp = ({ state }: Network) => state === 'up';

/**
 * Opens joining, has the device join, and waits until the agent logs this of it. hubctl is not waited for: emulated on a
 * busy host, it gives up on an agent that is only slow.
 */
export async function joins(
  { hub, signal }: AgentContext,
  device: Joiner,
  event: 'interview_started' | 'interview_done',
  via?: string,
): Promise<void> {
  const journal = join(hub.runFolder, RUN_FILES.journal);
  const from = (await stat(journal)).size;
  const isLogged = async () => {
    const lines = (await readFile(journal)).subarray(from).toString('latin1').split('\n');
    return lines.some((line) => line.includes(`"zigbee_${event}"`) && line.includes(device.eui));
  };
  const open = () => hub.must(`(hubctl nodes permit-join ${JOIN_SECONDS} --json > ${JOINS} 2>&1 < /dev/null & )`);
  const hasJoined = async () => {
    if (device.join(via)) return true;
    if ((await hub.run(`grep -q '"error"' ${JOINS}`)).exitCode === 0) await open();
    return false;
  };
  await open();
  if (!(await until(hasJoined, JOIN_TIMEOUT_MS, signal))) throw new Error(`no network is open for ${device.eui}`);
  if (!(await until(isLogged, JOIN_TIMEOUT_MS, signal))) throw new Error(`${event} of ${device.eui} did not come`);
}

/** The agent and its add-on as packages, a bus with the stick, a network, and three devices in it. */
export async function prepare(context: AgentContext): Promise<ZigbeeRoom> {
  const { hub, world, signal } = context;
  await providePackages(hub);
  await provideAddOn(hub);
  // The files that the harness laid out go: from now on they are the package's. The hub's own stay.
  await hub.must('systemctl stop hub-agent; rm -rf /usr/lib/hub-agent /usr/lib/systemd/system/hub-agent.service');
  if ((await hub.run(`[ -e ${hub.serial.path('usb')} ]`)).exitCode === 0) await hub.serial.yank();
  const room = await createZigbeeRoom(hub);
  await room.plug();
  const config = {
    ...agentConfig(hub, world.cloud),
    buses: [{ id: BUS, protocol: 'zigbee', path: hub.serial.path('usb'), adapter: 'zstack', channel: 15 }],
  };
  await hub.must('cat > /etc/hub-agent/agent.json', { input: JSON.stringify(config) });
  await dpkg(hub, `-i ${GUEST_FOLDER}/1.deb`);
  const without = await untilNetwork(context, ({ problem }) => problem?.reason === 'library');
  if (without?.problem?.reason !== 'library') throw new Error(`without the add-on the network is ${JSON.stringify(without)}`);
  await dpkg(hub, `-i ${GUEST_FOLDER}/zigbee.deb`);
  await hub.must('systemctl daemon-reload; systemctl restart hub-agent', { timeoutMs: 120_000 });
  const network = await untilNetwork(context, isUp);
  if (network?.state !== 'up') throw new Error(`the network is ${JSON.stringify(network)}`);
  if (!(await world.cloud.online(ONLINE_TIMEOUT_MS, signal))) throw new Error('the hub does not come online');
  const [lock, plug, sensor] = room.devices;
  await joins(context, lock!, 'interview_done');
  await joins(context, plug!, 'interview_done');
  await joins(context, sensor!, 'interview_done', plug!.eui);
  await hub.must('sync');
  return room;
}

async function provideAddOn(hub: VirtualHub): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'virtual-hub-deb-'));
  try {
    const args = ['scripts/package/main.ts', '--zigbee', '--arch', 'amd64', '--fast', '--output', folder];
    const { stdout } = await run(process.execPath, args, { cwd: REPOSITORY });
    const { file } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { file: string };
    await hub.copyIn(join(folder, basename(file)), `${GUEST_FOLDER}/zigbee.deb`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Takes the add-on package away; answers the network as the agent has it then. */
export async function removeAddOn(context: AgentContext): Promise<Network | null> {
  await dpkg(context.hub, '-P hub-agent-zigbee');
  await context.hub.must('systemctl daemon-reload; systemctl restart hub-agent', { timeoutMs: 120_000 });
  return untilNetwork(context, ({ problem }) => problem?.reason === 'library');
}

/** As the harness had it, for what comes after. */
export async function restoreConfig({ hub, world }: AgentContext): Promise<void> {
  await hub.must('cat > /etc/hub-agent/agent.json', { input: JSON.stringify(agentConfig(hub, world.cloud)) });
  await hub.must('systemctl restart hub-agent', { timeoutMs: 120_000 });
}

/** Places where the network's key is and may not be. */
export async function keyFound({ hub, world }: AgentContext, key: string): Promise<string[]> {
  const bytes = Buffer.from(key, 'hex');
  const secrets = [key, [...bytes].join(','), [...bytes].join(', '), bytes.toString('base64').replace(/=+$/, '')].map((text) => ({
    label: 'network key',
    text,
  }));
  const found = [...(await hub.evidence.find(secrets)), ...(await world.cloud.find(secrets))].map(({ place }) => place);
  // Where it belongs; the folder and its files are the agent's alone.
  const own = found.filter((place) => place.startsWith(`${STATE}/`));
  if (own.length === 0) throw new Error('the key was found in no file at all: the search does not work');
  const open = (await hub.must(`find ${STATE} /var/lib/hub-agent/zigbee -perm /077`)).trim();
  return [...found.filter((place) => !place.startsWith(`${STATE}/`)), ...open.split('\n').filter(Boolean)];
}

/** Seconds since the boot, in the guest's time. */
export const guestSeconds = async (hub: VirtualHub) => (await hub.clock()).uptimeMs / 1000;
