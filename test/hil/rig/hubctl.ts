import { join } from 'node:path';
import { hubctl } from '../../../agent/hubctl/cli/hubctl.ts';
import { bareMachine } from '../../unit/hubctl/bare-machine.ts';
import { createFakeTerminal, type FakeTerminal } from '../../unit/hubctl/fake-terminal.ts';
import type { Rig } from './rig.ts';

/** Where a rig's hub keeps its things, as hubctl is told. */
export function placesOf(rig: Pick<Rig, 'folder'>): string[] {
  return ['--config', join(rig.folder, 'etc', 'agent.json'), '--identity', join(rig.folder, 'etc', 'identity.json')];
}

/** Commands that ask the agent and nobody else; a hung one ends each with 75. */
export const ASKING_THE_AGENT = [
  'status',
  'nodes',
  'nodes scan',
  'commands',
  'run server_info',
  'wifi status',
  'logs',
  'bus trace rs485',
  'loglevel error',
  'reset --yes',
];

/** Runs hubctl in this process against a rig, on a machine that holds nothing else. */
export async function runHubctl(
  rig: Pick<Rig, 'folder'>,
  line: string | string[],
  terminal: FakeTerminal = createFakeTerminal(),
): Promise<{ code: number; terminal: FakeTerminal }> {
  const argv = typeof line === 'string' ? line.split(' ') : line;
  return { code: await hubctl([...argv, ...placesOf(rig)], terminal, bareMachine(rig.folder)), terminal };
}
