import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentProcess } from '../../test/hil/rig/agent-process.ts';
import type { Ending } from './ending.ts';
import { followAgent } from './follow.ts';
import { hubctlLine } from './paste.ts';
import type { Screen } from './screen.ts';
import type { World } from './world.ts';

/** The agent's exit code for a wrong configuration (sysexits.h, EX_CONFIG). */
const EX_CONFIG = 78;
/** The unit's RestartSec; doubled for each end that follows a start at once. */
const RESTART_MS = 100;
const MAX_RESTART_MS = 5_000;
/** An agent that ends within this did not come up. */
const START_MS = 5_000;
const LOOK_MS = 500;

/** Keeps the agent running, as systemd does on a hub, until the end is asked for. */
export async function supervise(world: World, first: AgentProcess, screen: Screen, ending: Ending): Promise<void> {
  const etc = join(world.rig.folder, 'etc');
  const unlessEnding = (wait: Promise<unknown>) => Promise.race([wait, ending.asked]);
  let agent = first;
  let read = await stampOf(etc);
  let startedAt = Number.NEGATIVE_INFINITY;
  let told = '';
  let failures = 0;
  while (!ending.signal.aborted) {
    followAgent(agent, screen);
    const code = await Promise.race([agent.exited, ending.asked]);
    if (ending.signal.aborted) return;
    failures = performance.now() - startedAt < START_MS ? failures + 1 : 1;
    if (code === EX_CONFIG) {
      const said = agent.lines.flatMap(({ level, msg }) => (level === 'raw' ? [msg] : []));
      if (said.join() !== told) tellConfiguration(said, world, screen);
      told = said.join();
      await unlessEnding(untilChanged(etc, read, ending.signal));
    } else {
      if (isPowerOfTwo(failures)) screen.event('problem', `${ended(code, failures)}; it is started again, as systemd would`);
      await unlessEnding(sleep(Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** (failures - 1))));
    }
    if (ending.signal.aborted) return;
    read = await stampOf(etc);
    startedAt = performance.now();
    agent = world.startAgent();
  }
}

const isPowerOfTwo = (count: number) => Number.isInteger(Math.log2(count));
const ended = (code: unknown, failures: number) =>
  `the agent process ended (${code})${failures === 1 ? '' : `, ${failures} times in a row right after its start`}`;

/** What the agent says of its configuration, and what lists it again. */
function tellConfiguration(said: readonly string[], { rig }: World, screen: Screen): void {
  screen.event('problem', `the agent does not start (${EX_CONFIG}). It says:`);
  for (const line of said) screen.text(line);
  screen.text('It is started again when a file of its configuration changes. What is wrong then:');
  screen.line(hubctlLine(rig, 'config check'));
}

/** Changes with every file in the folder. */
async function stampOf(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const stamps = names.map(async (name) => {
    const { mtimeMs = 0, size = 0 } = await stat(join(folder, name)).catch(() => ({}) as { mtimeMs?: number; size?: number });
    return `${name} ${mtimeMs} ${size}`;
  });
  return (await Promise.all(stamps)).join();
}

async function untilChanged(folder: string, stamp: string, end: AbortSignal): Promise<void> {
  while (!end.aborted && (await stampOf(folder)) === stamp) await sleep(LOOK_MS);
}
