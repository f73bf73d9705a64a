import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ZIGBEE_BUS } from '../hil/rig/zigbee.ts';
import { huntKey } from '../hil/zigbee/key-hunt.ts';
import type { Measured } from '../hil/zigbee/scenario.ts';
import { SCENARIOS } from '../hil/zigbee/scenarios.ts';
import { createZigbeeWorld, type ZigbeeWorld } from '../hil/zigbee/world.ts';
import { buildBundle } from './cost/bundle.ts';
import { type Memory, memoryOf } from './cost/proc.ts';
import { startAgent } from './cost/processes.ts';

/** Reported figures; the last line of `--json`. */
interface Result {
  scenarios: number;
  /** Devices that were paired before a scenario and not after it, over all. */
  lostPairings: number;
  /** Places where the network key was found that it may not be in. */
  keysFound: number;
  /** Scenarios after which the stick ran another network than before. */
  formedSilently: number;
  /** The longest, milliseconds. */
  yankDetectedMs: number;
  /** From the plug to the network that is up again, the longest, milliseconds. */
  replugMs: number;
  /** The bus's own time from the first byte on the port, milliseconds. */
  resumeMs: number;
  /** Of agent and library's process, over an agent without Zigbee, both as built; Node itself is counted twice. */
  extraRssMB: number;
  /** What the library's process shares with no other. */
  libraryPrivateMB: number;
}

const SETTLE_MS = 5_000;
const say = (line: string) => process.stdout.write(`${line}\n`);

const settled = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

/** What the bundle's processes take, with the unit's options: the agent's, and the library's when there is a Zigbee bus. */
async function memoryOnBundle(bundle: string, isConfigured: boolean): Promise<Memory[]> {
  await using world = await createZigbeeWorld();
  if (!isConfigured) await world.unconfigure();
  const { agent, pid, stop } = await startAgent(world.rig, bundle);
  if (isConfigured) await agent.waitFor('bus_up', { where: ({ bus }) => bus === ZIGBEE_BUS });
  await settled();
  const library = isConfigured ? (await world.status()).pid : null;
  const memory = [pid, ...(library === null ? [] : [library])].map(memoryOf);
  await stop();
  return memory;
}

const rssMb = (memory: readonly Memory[]) => memory.reduce((sum, { rssMB }) => sum + rssMB, 0);

/** The network as a device must know it; null: none runs. */
function identity({ stick }: ZigbeeWorld): string {
  const { panId, extendedPanId, key } = stick.coordinator.network() ?? {};
  return JSON.stringify([panId, extendedPanId, key]);
}

const paired = ({ devices }: ZigbeeWorld) => devices.filter((device) => device.paired).length;

/**
 * `npm run bench -- zigbee [--json] [--only TEXT]`: a hub forms a network, pairs three devices and goes through everything that years bring.
 * Answers 0 when no pairing was lost, no key was found, no network formed silently, and every scenario ended as it must.
 */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false }, only: { type: 'string' } } });
  const chosen = SCENARIOS.filter(({ name }) => name.includes(values.only ?? ''));
  const bundle = join(buildBundle(), 'hub-agent.cjs');
  const bare = await memoryOnBundle(bundle, false);
  const both = await memoryOnBundle(bundle, true);
  const result: Result = {
    scenarios: 0,
    lostPairings: 0,
    keysFound: 0,
    formedSilently: 0,
    yankDetectedMs: 0,
    replugMs: 0,
    resumeMs: 0,
    extraRssMB: 0,
    libraryPrivateMB: 0,
  };
  const measured: Measured = { yankDetectedMs: 0, replugMs: 0, resumeMs: 0 };
  let failed = 0;
  await using world = await createZigbeeWorld();
  await world.start();
  await world.up();
  await world.pair(world.lock);
  await world.pair(world.plug);
  await world.pair(world.sensor, world.plug.eui);
  const [agent, library] = [both[0]!.rssMB - bare[0]!.rssMB, both[1]!];
  say(`as built: agent ${agent.toFixed(1)} MB more; library ${library.rssMB} MB resident, ${library.privateMB} of them private`);
  say(`formed; ${paired(world)} devices paired`);
  for (const { name, run: go } of chosen) {
    const [before, was] = [paired(world), identity(world)];
    const startMs = performance.now();
    const took: string[] = [];
    try {
      for (const [what, ms] of Object.entries((await go(world)) ?? {})) {
        measured[what as keyof Measured] = Math.max(measured[what as keyof Measured], ms);
        took.push(`, ${what} ${Math.round(ms)}`);
      }
    } catch (error) {
      failed += 1;
      say(`FAILED ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const after = paired(world);
    result.scenarios += 1;
    result.lostPairings += Math.max(0, before - after);
    if (identity(world) !== was) result.formedSilently += 1;
    say(`${name}: ${before} → ${after} devices, ${Math.round((performance.now() - startMs) / 100) / 10} s${took.join('')}`);
  }
  result.yankDetectedMs = Math.round(measured.yankDetectedMs);
  result.replugMs = Math.round(measured.replugMs);
  result.extraRssMB = Math.round(rssMb(both) - rssMb(bare));
  result.libraryPrivateMB = Math.round(both[1]!.privateMB);
  result.resumeMs = Math.round(measured.resumeMs);
  const found = await huntKey(world);
  for (const place of found) say(`the network key is in ${place}`);
  result.keysFound = found.length;
  if (values.json) say(JSON.stringify(result));
  return failed + result.lostPairings + result.keysFound + result.formedSilently === 0 ? 0 : 1;
}
