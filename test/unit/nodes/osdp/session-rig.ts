import { createPdSessions, type PdSessions } from '../../../../agent/nodes/osdp/bus/pd-sessions.ts';
import { DEFAULT_TIMINGS } from '../../../../agent/nodes/osdp/bus/timings.ts';
import { createLine } from '../../../../agent/nodes/osdp/port/line.ts';
import type { PdKey } from '../../../../agent/nodes/osdp/session/pd.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import { createRandom } from '../../../support/random.ts';
import { createSteppedClock, settled } from '../../../support/stepped-clock.ts';
import { decodeFrame, MARK } from '../../../twins/osdp-line/frame.ts';
import { type PeripheralOptions, settingsOf } from '../../../twins/osdp-line/options.ts';
import { createPeripheralMachine } from '../../../twins/osdp-line/peripheral.ts';
import { createFakeEntropy, createFakeLog } from '../fakes.ts';

const BAUD_RATE = 230400;
/** Steps of the clock within an exchange: together more than the longest that a transaction or a handshake may take. */
const STEP_MS = 20;
const MAX_STEPS = 300;

/** What comes instead of the answer, made from the right one (empty: silence) and its request. */
export type Spoiler = (right: Buffer, request: Buffer) => Buffer;

const unmarked = (bytes: Buffer) => (bytes[0] === MARK ? bytes.subarray(1) : bytes);

/** One session on a real line; the other end is an honest peripheral whose answers can be spoilt on their way. */
export function createSessionRig({ peripheral, key, seed = 1 }: { peripheral: PeripheralOptions; key: PdKey | null; seed?: number }) {
  const { address } = peripheral;
  const clock = createSteppedClock();
  const keys = key === null ? [] : [key.kind === 'default' ? ('default' as const) : new Secret(key.bytes().toString('hex'))];
  const machine = createPeripheralMachine(settingsOf(peripheral, BAUD_RATE), createRandom(seed));
  let request: Buffer | null = null;
  const line = createLine({
    baudRate: BAUD_RATE,
    clock,
    timings: DEFAULT_TIMINGS,
    port: {
      write: (bytes) => {
        request = Buffer.from(bytes);
      },
      hold: () => {},
      take: () => {},
    },
    onStray: () => {},
  });
  const sessions = createPdSessions({
    bus: 'rig',
    addresses: [address],
    keysOf: () => keys,
    onOpened: () => {},
    clock,
    wallClock: { nowMs: () => clock.nowMs() },
    entropy: createFakeEntropy(seed),
    log: createFakeLog(),
    timings: DEFAULT_TIMINGS,
    onFacts: () => {},
  });
  const answer = (spoil: Spoiler) => {
    const asked = unmarked(request!);
    request = null;
    const frame = decodeFrame(asked);
    if (!frame) throw new Error('the panel sent no frame');
    const bytes = spoil(Buffer.from(machine.receive(frame, clock.nowMs())?.bytes ?? []), asked);
    for (let at = 0; at < bytes.length; at += 64) line.receive(bytes.subarray(at, at + 64));
    return bytes.length;
  };
  return {
    clock,
    pd: () => sessions.pd(address),
    /** A slot of the session, whatever it takes; answers how many bytes came. @throws Error when it does not end. */
    async slot(spoil: Spoiler = (right) => right, options: Parameters<PdSessions['slot']>[3] = {}) {
      let over = false;
      let bytes = 0;
      void sessions.slot(line, address, DEFAULT_TIMINGS.fullWaitMs, options).then(() => {
        over = true;
      });
      for (let step = 0; step < MAX_STEPS && !over; step++) {
        await settled();
        if (request) bytes += answer(spoil);
        else if (!over) clock.step(STEP_MS);
      }
      if (!over) throw new Error('the slot does not end');
      return bytes;
    },
  };
}
