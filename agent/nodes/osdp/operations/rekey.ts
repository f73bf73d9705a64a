import type { RekeyResult } from '../../../contract/maintenance.ts';
import { HubError, isHubError } from '../../../system/errors.ts';
import { Secret } from '../../../system/secret.ts';
import type { OsdpCommand } from '../bus/plan.ts';
import { COMMAND, KEY_TYPE } from '../codec/codes.ts';
import type { BaseKey } from '../keys/key-record.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import { checkConfigured, type OperationDeps, portLost } from './peripheral.ts';
import type { LineWork } from './queue.ts';
import { beginRekey, type RekeyAction, type RekeyEvent, rekeyStep, type Word } from './rekey-machine.ts';

/** What a rekey works with. */
export interface RekeyDeps extends OperationDeps {
  ring: KeyRing;
  random(length: number): Buffer;
  /** Does work on the line between two poll cycles. @throws HubError `bus_unavailable`, `busy` */
  onLine<T>(work: LineWork<T>): Promise<T>;
}

const KEY_BYTES = 16;
/** Turns of the bus, a poll cycle apart, in which a channel is looked for: a PD that starts again needs seconds. */
const TURNS = 24;
/** Turns without a channel of a PD that answers, after which no key opens it: in the first one a frame may have been lost. */
const CLOSED_TURNS = 4;
/** Requests in one turn: a handshake with each of a few keys. */
const SLOTS = 12;

function keySet(key: BaseKey): OsdpCommand {
  if (key === 'default') throw new Error('the default key is never given to a PD');
  return { code: COMMAND.keySet, data: Buffer.concat([Buffer.from([KEY_TYPE.own, KEY_BYTES]), Buffer.from(key.reveal(), 'hex')]) };
}

type Look = 'silent' | 'closed' | BaseKey;

/** One turn of opening a channel: each known key at most once. */
async function look({ bus, sessions, timings }: RekeyDeps, address: number, line: Parameters<LineWork<Look>>[0]): Promise<Look> {
  sessions.retryChannel(address);
  for (let slot = 0; slot < SLOTS; slot++) {
    const key = sessions.provenKey(address);
    if (key !== null) return key;
    const outcome = await sessions.slot(line, address, timings.fullWaitMs);
    if (outcome.kind === 'down') throw portLost(bus);
    if (outcome.kind === 'silent') return 'silent';
    if (sessions.settled(address) && sessions.provenKey(address) === null) return 'closed';
  }
  return sessions.provenKey(address) ?? 'closed';
}

async function open(deps: RekeyDeps, address: number): Promise<RekeyEvent> {
  let closed = 0;
  for (let turn = 0; turn < TURNS && closed < CLOSED_TURNS; turn++) {
    const found = await deps.onLine((line) => look(deps, address, line));
    if (found === 'closed') closed++;
    else if (found !== 'silent') return { kind: 'opened', key: found };
  }
  return { kind: 'closed' };
}

async function send({ bus, sessions }: RekeyDeps, line: Parameters<LineWork<Word>>[0], address: number, key: BaseKey): Promise<Word> {
  // The channel may be gone since; then nothing is sent, and the next handshake shows the old key.
  if (sessions.provenKey(address) === null) return 'none';
  const reply = await sessions.operate(line, address, keySet(key));
  if (reply === 'down') throw portLost(bus);
  return reply?.kind === 'ack' ? 'taken' : reply?.kind === 'nak' ? 'refused' : 'none';
}

async function perform(deps: RekeyDeps, address: number, action: Exclude<RekeyAction, { kind: 'end' }>): Promise<RekeyEvent> {
  switch (action.kind) {
    case 'open':
      return open(deps, address);
    case 'store':
      try {
        await deps.ring.keep(address, action.keys);
        return { kind: 'stored' };
      } catch (error) {
        if (!isHubError(error, 'storage_failed')) throw error;
        return { kind: 'not_stored' };
      }
    default: {
      const word = await deps.onLine((line) => send(deps, line, address, action.key));
      // Only a handshake that is made from now on proves anything.
      deps.sessions.restart(address);
      return { kind: 'answered', word };
    }
  }
}

/**
 * Gives one PD a fresh random key. `fromDefault`: it may have the default key, as a new or reset one has.
 * @throws HubError `invalid_args`, `node_silent` before anything was done; `bus_unavailable` at any time: both keys are stored then
 */
export async function rekey(deps: RekeyDeps, address: number, fromDefault: boolean): Promise<RekeyResult> {
  const { bus, sessions, ring } = deps;
  checkConfigured(deps, address, 'address');
  if (!sessions.pd(address).facts.available) throw new HubError('node_silent', `no peripheral answers at address ${address} of ${bus}`);
  if (fromDefault) ring.setDefaultAllowed(address, true);
  try {
    const start = { random: new Secret(deps.random(KEY_BYTES).toString('hex')), kept: ring.kept(address) };
    let { state, action } = beginRekey();
    while (action.kind !== 'end') ({ state, action } = rekeyStep(state, await perform(deps, address, action), start));
    return action.result;
  } finally {
    if (fromDefault) ring.setDefaultAllowed(address, false);
  }
}
