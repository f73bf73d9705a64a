import type { AddressChange } from '../../../contract/maintenance.ts';
import { MAX_OSDP_ADDRESS } from '../../../contract/osdp.ts';
import { HubError } from '../../../system/errors.ts';
import { BAUD_RATES } from '../bus/options.ts';
import { COMMAND } from '../codec/codes.ts';
import { encodeFrame } from '../codec/frame.ts';
import type { Identity } from '../codec/reply.ts';
import type { Line } from '../port/line.ts';
import { setCommunication } from './commands.ts';
import { checkConfigured, type OperationDeps, portLost, settle } from './peripheral.ts';

/** What a change of address needs besides. */
export interface AddressDeps extends OperationDeps {
  /** The rate of the line now, in bit/s. */
  baudRate: number;
  /**
   * The keys of the PD are known under the new address too, durably, before it moves; what is returned ends that: the PD moved, or it did not.
   * @throws HubError `storage_failed`
   */
  moveKeys(from: number, to: number): Promise<(moved: boolean) => Promise<void>>;
}

/** How often a silent address is asked before it counts as free: a frame may be lost. */
const LOOKS = 2;
/** Where a PD that was moved is looked for: some start again first, which takes a second or two. */
const SEARCHES = 12;

function invalid(field: string, message: string): HubError {
  return new HubError('invalid_args', message, { details: [{ field, message }] });
}

function check(deps: AddressDeps, { from, to, baudRate }: AddressChange): void {
  for (const [field, address] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (!Number.isInteger(address) || address < 0 || address > MAX_OSDP_ADDRESS)
      throw invalid(field, `an address is a whole number from 0 to ${MAX_OSDP_ADDRESS}`);
    checkConfigured(deps, address, field);
  }
  if (baudRate !== null && !BAUD_RATES.includes(baudRate)) throw invalid('baudRate', `the rates of OSDP are ${BAUD_RATES.join(', ')}`);
  if (from === to && (baudRate ?? deps.baudRate) === deps.baudRate) throw invalid('to', 'the peripheral has this address already');
}

/** The requests to a PD of which nothing is known: identity with both checks, and a poll. */
function questions(address: number): Buffer[] {
  const identity = { address, sequence: 0, code: COMMAND.id, data: Buffer.from([0]) } as const;
  return [
    encodeFrame(identity),
    encodeFrame({ ...identity, check: 'checksum' }),
    encodeFrame({ address, sequence: 0, code: COMMAND.poll, check: 'crc' }),
  ];
}

/** Checks whether an address is free. Any bytes, a torn frame too, mean that it is not. @throws HubError `address_taken` */
async function checkFree({ bus, sessions, timings }: AddressDeps, line: Line, address: number): Promise<void> {
  const taken = (why: string) => new HubError('address_taken', `address ${address} of ${bus} is not free: ${why}`);
  const { facts, seen } = sessions.pd(address);
  if (facts.available) throw taken('a peripheral answers there');
  if (seen)
    throw taken(
      `the peripheral of node ${bus}/${address} is only silent; if it is gone for good: sudo hubctl nodes forget ${bus}/${address}`,
    );
  for (const bytes of questions(address)) {
    for (let look = 0; look < LOOKS; look++) {
      const outcome = await line.transact({ bytes, address, windowMs: timings.fullWaitMs, answers: () => true });
      if (outcome.kind === 'down') throw portLost(bus);
      if (outcome.kind === 'reply') throw taken('a peripheral answers there');
      if (outcome.heard === 'noise') throw taken('something answers there that is no frame, such as two peripherals at once');
      if (outcome.heard === 'nothing') break;
    }
  }
}

const isSame = (a: Identity | null, b: Identity | null) =>
  a !== null && b !== null && a.vendor === b.vendor && a.model === b.model && a.serialNumber === b.serialNumber;

/** Whether the PD answers at the address, asked until it does or the searches are over. */
async function isFound({ bus, sessions, timings }: AddressDeps, line: Line, address: number, identity: Identity | null): Promise<boolean> {
  for (let search = 0; search < SEARCHES; search++) {
    if ((await sessions.slot(line, address, timings.fullWaitMs)).kind === 'down') throw portLost(bus);
    const { available, identity: found } = sessions.pd(address).facts;
    if (available && (identity === null || isSame(identity, found))) return true;
  }
  return false;
}

/**
 * Gives the PD at `from` the address `to` (COMSET; SIA OSDP 2.2, "Communication configuration"), after a look that it is free. Answers whether
 * it was found there; at another rate than the line's it cannot be.
 * @throws HubError `invalid_args`, `address_taken`, `node_silent`, `node_refused`, `storage_failed`, `bus_unavailable`
 */
export async function setAddress(deps: AddressDeps, line: Line, change: AddressChange): Promise<{ baudRate: number; proven: boolean }> {
  const { bus, sessions } = deps;
  const { from, to } = change;
  check(deps, change);
  const baudRate = change.baudRate ?? deps.baudRate;
  if (from !== to) await checkFree(deps, line, to);
  await settle(deps, line, from);
  const { identity } = sessions.pd(from).facts;
  const end = from === to ? async () => {} : await deps.moveKeys(from, to);
  const reply = await sessions.operate(line, from, setCommunication(to, baudRate));
  if (reply === 'down') throw portLost(bus);
  const confirmed = reply?.kind === 'communication' && reply.address === to && reply.baudRate === baudRate;
  if (reply && !confirmed) {
    await end(false);
    const word = reply.kind === 'nak' ? `it answers NAK ${reply.reason}` : 'it keeps its settings';
    throw new HubError('node_refused', `the peripheral at address ${from} of ${bus} does not take the change: ${word}`);
  }
  if (baudRate !== deps.baudRate) {
    if (!confirmed)
      throw new HubError(
        'node_silent',
        `the peripheral at address ${from} of ${bus} did not confirm the change; look for it at both rates`,
      );
    sessions.forget(from);
    return { baudRate, proven: false };
  }
  const found = await isFound(deps, line, to, identity);
  if (!found && !(await isFound(deps, line, from, identity))) {
    const where = `the peripheral is found neither at address ${to} nor at ${from} of ${bus}`;
    throw new HubError('node_silent', `${where}: sudo hubctl nodes scan --bus ${bus}`);
  }
  await end(found);
  if (!found) throw new HubError('node_refused', `the peripheral of ${bus} is still at address ${from}: it did not take the change`);
  if (from !== to) sessions.forget(from);
  return { baudRate, proven: true };
}
