import { randomInt } from 'node:crypto';
import type { VirtualHub } from '../hub.ts';
import type { AgentContext } from '../scenario.ts';
import { type Expect, ONLINE_TIMEOUT_MS } from './package-steps.ts';

export const KILLS = 20;
/** From the kill to the new session, in the guest's time. */
const BACK_ONLINE_SECONDS = 10;
/** More lines than one life of the agent writes. */
const JOURNAL_LINES = 80;

/** Where the seconds of one return went: until the process began its work, until it called the cloud, until its session stood. */
interface Phases {
  start: number;
  agent: number;
  cloud: number;
}

interface JournalLine {
  MESSAGE: string;
  __MONOTONIC_TIMESTAMP: string;
}

/** The last restart, as the guest's journal has it; null when a line is missing. */
async function phases(hub: VirtualHub): Promise<Phases | null> {
  const text = await hub.must(`journalctl -u hub-agent -o json --output-fields=MESSAGE --no-pager -n ${JOURNAL_LINES}`);
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as JournalLine);
  const from = lines.findLastIndex(({ MESSAGE }) => String(MESSAGE).includes('Main process exited'));
  const secondsOf = (what: string) => {
    const found = lines.slice(Math.max(0, from)).find(({ MESSAGE }) => String(MESSAGE).includes(what));
    return found ? Number(found.__MONOTONIC_TIMESTAMP) / 1e6 : Number.NaN;
  };
  const [ended, starting, connecting, online] = [
    'Main process exited',
    '"event":"agent_starting"',
    '"event":"cloud_connecting"',
    '"event":"cloud_online"',
  ].map(secondsOf) as [number, number, number, number];
  const found = { start: starting - ended, agent: connecting - starting, cloud: online - connecting };
  return Object.values(found).every(Number.isFinite) ? found : null;
}

const uptime = async (hub: VirtualHub) => (await hub.clock()).uptimeMs / 1000;
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Killed at random moments, the service comes back every time; each return is measured in the guest's time, as the cloud sees it. */
export async function killedManyTimes({ hub, world, signal }: AgentContext, expect: Expect, missed: string[]): Promise<string> {
  const took: number[] = [];
  const parts: Phases[] = [];
  for (let kill = 1; kill <= KILLS; kill++) {
    await new Promise((done) => setTimeout(done, randomInt(0, 5_000)));
    const back = world.cloud.reconnects(ONLINE_TIMEOUT_MS, signal);
    const from = Number(await hub.must('cut -d" " -f1 /proc/uptime; systemctl kill -s KILL hub-agent'));
    expect(await back, `it did not come back after kill ${kill}`);
    took.push((await uptime(hub)) - from);
    const found = await phases(hub);
    if (found) parts.push(found);
  }
  const longest = Math.max(...took);
  if (longest > BACK_ONLINE_SECONDS) missed.push(`online again within ${BACK_ONLINE_SECONDS} s`);
  const [start, agent, cloud] = (['start', 'agent', 'cloud'] as const).map((part) => median(parts.map((each) => each[part])).toFixed(1));
  return `back within ${longest.toFixed(1)} s, median ${median(took).toFixed(1)}: restart and Node ${start}, agent ${agent}, session ${cloud}`;
}
