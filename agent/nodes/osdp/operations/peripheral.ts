import { HubError } from '../../../system/errors.ts';
import type { PdSessions } from '../bus/pd-sessions.ts';
import type { OsdpCommand } from '../bus/plan.ts';
import type { OsdpTimings } from '../bus/timings.ts';
import type { Reply } from '../codec/reply.ts';
import type { Line } from '../port/line.ts';

/** What every operation on a bus works with. */
export interface OperationDeps {
  /** Id of the bus. */
  bus: string;
  sessions: PdSessions;
  timings: OsdpTimings;
}

/** Requests until a session has asked what is asked once, a handshake included. */
const SETTLING_SLOTS = 16;
/** A command whose answer was lost is sent once more in a new session. */
const ATTEMPTS = 2;

/** The port failed during an operation: the command may have been carried out. */
export const portLost = (bus: string) => new HubError('bus_unavailable', `the port of bus ${bus} went away meanwhile`);

/** @throws HubError `invalid_args`: the bus does not ask this address */
export function checkConfigured({ bus, sessions }: OperationDeps, address: number, field: string): void {
  if (sessions.addresses.includes(address)) return;
  const message = `bus ${bus} does not ask address ${address}: add it to its "addresses" in agent.json`;
  throw new HubError('invalid_args', message, { details: [{ field, message }] });
}

/** Brings the session of a PD to where it only polls. @throws HubError `node_silent`, `bus_unavailable` */
export async function settle({ bus, sessions, timings }: OperationDeps, line: Line, address: number): Promise<void> {
  for (let slot = 0; slot < SETTLING_SLOTS && !sessions.settled(address); slot++) {
    if ((await sessions.slot(line, address, timings.fullWaitMs)).kind === 'down') throw portLost(bus);
  }
  if (!sessions.pd(address).facts.available) throw new HubError('node_silent', `no peripheral answers at address ${address} of ${bus}`);
}

/** Sends a command that does no harm when it is carried out twice. Null: no answer. @throws HubError `node_silent`, `bus_unavailable` */
export async function command(deps: OperationDeps, line: Line, address: number, { code, data }: OsdpCommand): Promise<Reply | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await settle(deps, line, address);
    const reply = await deps.sessions.operate(line, address, { code, data });
    if (reply === 'down') throw portLost(deps.bus);
    if (reply) return reply;
  }
  return null;
}
