import type { Identified } from '../../../contract/maintenance.ts';
import { HubError } from '../../../system/errors.ts';
import type { OsdpCommand } from '../bus/plan.ts';
import type { Line } from '../port/line.ts';
import { beep, blink } from './commands.ts';
import { checkConfigured, command, type OperationDeps } from './peripheral.ts';

/**
 * Lamp and buzzer of a PD show where it is. Both are tried, as some PDs do not list what they have. Answers with those that it took.
 * @throws HubError `node_refused`, `node_silent`, `bus_unavailable`
 */
export async function identify(deps: OperationDeps, line: Line, address: number, seconds: number): Promise<Identified['by']> {
  checkConfigured(deps, address, 'node');
  const by: Identified['by'] = [];
  const ways: [Identified['by'][number], OsdpCommand][] = [
    ['led', blink(seconds)],
    ['buzzer', beep(seconds)],
  ];
  for (const [way, asked] of ways) {
    const reply = await command(deps, line, address, asked);
    if (reply && reply.kind !== 'nak') by.push(way);
  }
  if (by.length > 0) return by;
  throw new HubError(
    'node_refused',
    `the peripheral at address ${address} of ${deps.bus} takes commands neither for a lamp nor for a buzzer`,
  );
}
