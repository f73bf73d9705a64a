import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NodesResult } from '../../agent/contract/node.ts';
import type { AgentProcess } from '../../test/hil/rig/agent-process.ts';
import { addressOf, type RigZigbee, ZIGBEE_BUS } from '../../test/hil/rig/zigbee.ts';
import type { Screen } from './screen.ts';
import type { Tour } from './tour.ts';
import type { World } from './world.ts';

const HUBCTL = fileURLToPath(new URL('../../agent/hubctl.ts', import.meta.url));
/** MT: ZDO_PERMIT_JOIN_IND, by which the stick says that it lets devices in. */
const PERMIT_JOIN_IND = 0x45cb;
const FORMING_MS = 60_000;
const PAIRING_SECONDS = 60;
const ANSWER_MS = 60_000;
/** A person goes from one device to the next. */
const BETWEEN_MS = 4_000;

/** Whoever stands before the devices sets each to pairing once the network is open. Returns how it ends. */
export function pairWhenOpen(
  { stick, air }: RigZigbee,
  devices: readonly { eui: string; nwk: number | null; join(): boolean }[],
): () => void {
  return stick.coordinator.onFrame((direction, { command, data }) => {
    if (direction !== 'out' || command !== PERMIT_JOIN_IND || data[0] === 0) return;
    const waiting = devices.filter(({ nwk }) => nwk === null);
    for (const [index, device] of waiting.entries()) air.after(500 + index * BETWEEN_MS, () => device.join());
  });
}

/** The network comes up, a technician pairs the lock with hubctl, and what it reports is in get_nodes. */
export async function zigbeeNetwork(world: World, tour: Tour, screen: Screen, agent: AgentProcess): Promise<void> {
  const { zigbee } = world;
  if (!zigbee) return;
  const { lock, stick } = zigbee;
  await tour.step('Zigbee network', async () => {
    await agent.waitFor('bus_up', { where: ({ bus }) => bus === ZIGBEE_BUS, timeoutMs: FORMING_MS });
    const { panId, channel } = stick.coordinator.network()!;
    return `formed on channel ${channel}, PAN id 0x${panId.toString(16)}; its key never leaves the hub`;
  });
  await tour.step('a lock is paired', async () => {
    const stop = pairWhenOpen(zigbee, [lock]);
    const said = await hubctl(world, ['nodes', 'permit-join', String(PAIRING_SECONDS)], `${addressOf(lock)} is ready`);
    stop();
    for (const line of said) screen.text(`        hubctl: ${line}`);
    return `${addressOf(lock)} was asked what it is, and reports by itself`;
  });
  await tour.step('the lock is turned', async () => {
    lock.turn('unlocked');
    for (let again = 1; ; again += 1) {
      const node = (await nodesOf(world, again)).nodes.find(({ nodeId }) => nodeId === `${ZIGBEE_BUS}/${addressOf(lock)}`);
      const reading = node?.zigbee?.readings.lock;
      if (reading?.value === 'unlocked') return `get_nodes has it: ${node!.vendor} ${node!.model}, unlocked at ${reading.at}`;
      if (again > 10) throw new Error(`get_nodes has ${JSON.stringify(reading)}`);
    }
  });
}

async function nodesOf({ rig }: World, again: number): Promise<NodesResult> {
  const { id } = await rig.run('get_nodes', { again }, ANSWER_MS);
  const page = await rig.until('the result of get_nodes', () => rig.results.find((one) => one.id === id), ANSWER_MS);
  return page.result as NodesResult;
}

/** Runs hubctl beside the agent, as on the hub, until it has printed this; resolves with its lines. */
function hubctl({ rig }: World, args: string[], until: string): Promise<string[]> {
  const etc = (name: string): string => join(rig.folder, 'etc', name);
  const places = ['--config', etc('agent.json'), '--identity', etc('identity.json')];
  const child = spawn(process.execPath, [HUBCTL, ...args, ...places], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (out.includes(until)) resolve(out.trim().split('\n'));
      else reject(new Error(`hubctl ${args.join(' ')} ended with ${code}: ${out}${errors}`));
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.includes(until)) child.kill('SIGINT');
    });
  });
}
