import { join } from 'node:path';
import { createHubctlPorts } from '../../../agent/compose/hubctl-ports.ts';
import { hubctl } from '../../../agent/hubctl/cli/hubctl.ts';
import { createFakeTerminal, type FakeTerminal } from '../../unit/hubctl/fake-terminal.ts';
import type { Rig } from './rig.ts';

/** Where a rig's hub keeps its things, as hubctl is told. */
export function placesOf(rig: Rig): string[] {
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

/** Runs hubctl in this process against a rig. There is no systemd in a rig, whatever is on the machine under it. */
export async function runHubctl(
  rig: Rig,
  line: string | string[],
  terminal: FakeTerminal = createFakeTerminal(),
): Promise<{ code: number; terminal: FakeTerminal }> {
  const argv = typeof line === 'string' ? line.split(' ') : line;
  const ports = { ...createHubctlPorts(), service: async () => null, journal: async () => false };
  return { code: await hubctl([...argv, ...placesOf(rig)], terminal, ports), terminal };
}
