import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createFakeTerminal } from '../../unit/hubctl/fake-terminal.ts';
import { runHubctl } from '../rig/hubctl.ts';
import type { ZigbeeWorld } from './world.ts';

/** Rights of others than the owner. */
const NOT_PRIVATE = 0o077;

/** The key as it may stand in a text: hexadecimal digits, base64, bytes in decimal as the library logs them, and as it is. */
function forms(key: string): string[] {
  const bytes = Buffer.from(key, 'hex');
  const decimal = [...bytes].join(',');
  return [
    key,
    key.toUpperCase(),
    bytes.toString('base64').replace(/=+$/, '').slice(0, -1),
    decimal,
    decimal.replaceAll(',', ', '),
    key.replace(/(..)(?!$)/g, '$1:'),
    bytes.toString('latin1'),
  ];
}

const readOrEmpty = (path: string) => readFile(path, 'latin1').catch(() => '');

async function processes(pid: number): Promise<number[]> {
  const children = (await readOrEmpty(`/proc/${pid}/task/${pid}/children`)).trim();
  const nested = await Promise.all(children === '' ? [] : children.split(/\s+/).map((child) => processes(Number(child))));
  return [pid, ...nested.flat()];
}

/** Everything in a bundle is text, and a tar archive has it in clear. */
async function bundle(world: ZigbeeWorld): Promise<string> {
  const path = join(world.rig.folder, 'hunt.tar.gz');
  await runHubctl(world.rig, ['bundle', '--output', path], createFakeTerminal());
  return gunzipSync(await readFile(path)).toString('latin1');
}

/**
 * Where the network's key is and may not be: logs, results, shadow, a bundle, arguments and environment of the hub's processes, files that others may
 * read. Empty is good. @throws Error when there is no key to look for, or no process to look at: such a hunt proves nothing
 */
export async function huntKey(world: ZigbeeWorld): Promise<string[]> {
  const { rig, agents, stick } = world;
  const key = stick.coordinator.network()?.key;
  if (!key) throw new Error('there is no network whose key could be looked for');
  const needles = forms(key);
  const found: string[] = [];
  const look = (where: string, text: string): void => {
    if (needles.some((needle) => text.includes(needle))) found.push(where);
  };
  const running = await processes(agents.at(-1)!.pid);
  if (running.length < 2) throw new Error('the process of the library was not seen');
  for (const pid of running)
    for (const name of ['cmdline', 'environ']) look(`/proc/${pid}/${name}`, await readOrEmpty(`/proc/${pid}/${name}`));
  for (const [index, agent] of agents.entries()) look(`the log of agent ${index}`, agent.output());
  look('the results', JSON.stringify(rig.results));
  look('the shadow', JSON.stringify([rig.reported(), rig.desired(), rig.iotCore.shadow(rig.hubId).get()]));
  look('a bundle', await bundle(world));
  look('the status', JSON.stringify(await world.status()));
  let keeps = 0;
  for (const entry of await readdir(rig.folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // The stick's own flash is no part of the hub.
    if (!entry.isFile() || path.startsWith(join(rig.folder, 'stick'))) continue;
    const text = await readOrEmpty(path);
    if (!needles.some((needle) => text.includes(needle))) continue;
    keeps += 1;
    const { mode } = await stat(path);
    if ((mode & NOT_PRIVATE) !== 0 || !path.startsWith(world.state)) found.push(`${path} (mode ${(mode & 0o777).toString(8)})`);
  }
  if (keeps === 0) throw new Error('the key was found in no file at all: the search does not work');
  return found;
}
