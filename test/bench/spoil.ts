import type { PdFacts, PdKey, PdState } from '../../agent/nodes/osdp/session/pd.ts';
import { DEFAULT_KEY } from '../../agent/nodes/osdp/session/secure-channel.ts';
import { createRandom, type Random } from '../support/random.ts';
import { decodeFrame, encodeFrame } from '../twins/osdp-line/frame.ts';
import type { PeripheralOptions } from '../twins/osdp-line/index.ts';
import { createSessionRig, type Spoiler } from '../unit/nodes/osdp/session-rig.ts';

/** Spoilt answers in all, and in one session. */
const ANSWERS = 200_000;
const SPOILT_PER_SESSION = 100;
/** Within so many honest exchanges, at the pace of poll cycles, a session must come to the truth. */
const MAX_HONEST = 400;
/** It must stay with the truth for so many exchanges. */
const STAYS = 10;
const CYCLE_MS = 500;

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const OTHER_KEY = Buffer.alloc(16, 7);
const KINDS = ['own', 'default', 'wrong', 'none'] as const;
type Kind = (typeof KINDS)[number];

const one = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random.unit() * from.length)]!;

/** The peripheral, the panel's key, and what is true of the two. */
function sessionOf(kind: Kind, random: Random): { peripheral: PeripheralOptions; key: PdKey | null; truth: Partial<PdFacts> } {
  const required = kind !== 'none' && random.chance(0.5);
  const check = one(random, ['as_asked', 'as_asked', 'crc_only', 'checksum_only', 'checksum_or_nak'] as const);
  const policesSequence = random.chance(0.7);
  const channel = { own: { key: KEY }, default: {}, wrong: { key: OTHER_KEY }, none: null }[kind];
  const secureChannel = channel && { ...channel, required };
  const key: PdKey | null =
    kind === 'none' ? null : kind === 'default' ? { kind: 'default', bytes: () => DEFAULT_KEY } : { kind: 'own', bytes: () => KEY };
  const security = { own: 'secured', default: 'default_key', wrong: required ? 'required' : 'none', none: 'none' }[
    kind
  ] as PdFacts['security'];
  const judged = kind === 'wrong' ? { securityReason: 'wrong_key' as const, tamper: null, powerFault: null } : null;
  return {
    peripheral: { address: 5, check, policesSequence, secureChannel },
    key,
    truth: { available: true, security, securityReason: null, tamper: false, powerFault: false, problem: null, ...judged },
  };
}

const CODES = [0x40, 0x41, 0x45, 0x46, 0x48, 0x49, 0x4a, 0x4b, 0x50, 0x53, 0x54, 0x76, 0x78, 0x79];
const NAKS = [1, 2, 3, 4, 5, 6, 7, 9];

/** A false answer that gets in: it has the address, the sequence number and a right check. */
function spoilerOf(random: Random): Spoiler {
  return (right, request) => {
    if (random.chance(0.05)) return Buffer.alloc(0);
    if (random.chance(0.05)) return Buffer.from(random.bytes(1 + Math.floor(random.unit() * 60)));
    const asked = decodeFrame(request)!;
    const answered = right.length > 0 ? decodeFrame(right) : null;
    const frame = answered ?? { ...asked, reply: true, block: null, code: 0x40, data: new Uint8Array(0), mac: null };
    const kind = random.unit();
    const length = Math.floor(random.unit() * 40);
    let { block, code, data } = frame;
    if (kind < 0.25) [code, data] = [0x41, Uint8Array.of(one(random, NAKS))];
    else if (kind < 0.5) [code, data] = [one(random, CODES), Uint8Array.from(random.bytes(length))];
    else if (kind < 0.8 && data.length > 0) {
      data = Uint8Array.from(data);
      for (let flips = 1 + Math.floor(random.unit() * 4); flips > 0; flips--)
        data[Math.floor(random.unit() * data.length)]! ^= random.byte();
    } else code = one(random, CODES);
    if (random.chance(0.4)) block = null;
    else if (random.chance(0.1)) block = Uint8Array.of(2, 0x11 + Math.floor(random.unit() * 8));
    const check = random.chance(0.1) ? one(random, ['crc', 'checksum'] as const) : asked.check;
    const mac = frame.mac ?? Uint8Array.from(random.bytes(4));
    const signed = block !== null && block[1]! >= 0x15 && block[1]! <= 0x18;
    const fields = { address: asked.address, reply: true, sequence: asked.sequence, check, block, code, data };
    return Buffer.from(encodeFrame(fields, signed ? () => mac : undefined));
  };
}

/** The facts that make a session true, once it has the identity and the capabilities of before. */
function isTrue({ facts }: PdState, truth: Partial<PdFacts>, known: PdFacts): boolean {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const fits = (Object.keys(truth) as (keyof PdFacts)[]).every((name) => facts[name] === truth[name]);
  return fits && same(facts.identity, known.identity) && same(facts.capabilities, known.capabilities);
}

async function runSession(kind: Kind, seed: number) {
  const random = createRandom(seed);
  const { peripheral, key, truth } = sessionOf(kind, random);
  const rig = createSessionRig({ peripheral, key, seed });
  let falseSecured = 0;
  let exchanges = 0;
  // One that is not available is asked in the usual way and in another one in turn, as a bus does.
  const exchange = async (spoil?: Spoiler) => {
    const opening = exchanges++ % 2 === 1 ? 'other' : 'usual';
    await rig.slot(spoil, { opening });
    rig.clock.step(CYCLE_MS);
    if (kind !== 'own' && rig.pd().facts.security === 'secured') falseSecured++;
  };
  const comesTrue = async (known: () => PdFacts) => {
    let held = 0;
    for (let honest = 0; honest < MAX_HONEST && held < STAYS; honest++) {
      await exchange();
      held = isTrue(rig.pd(), truth, known()) ? held + 1 : 0;
    }
    return held >= STAYS;
  };
  // What it says of itself honestly is the truth.
  const before = await comesTrue(() => rig.pd().facts);
  const known = rig.pd().facts;
  const told = before && known.identity !== null && known.capabilities !== null;
  const spoil = spoilerOf(random);
  for (let answer = 0; answer < SPOILT_PER_SESSION; answer++) await exchange(spoil);
  const spoilt = !isTrue(rig.pd(), truth, known);
  const back = told && (await comesTrue(() => known));
  return { back, falseSecured, spoilt, facts: rig.pd().facts, truth: { ...known, ...truth } };
}

/**
 * `npm run bench -- spoil [--json] [--seed N] [--answers N]`: sessions with the right own key, the default key, a wrong key and none, whose
 * answers are spoilt so that they get in. Answers 0 when each comes back to the truth, and none was ever shown as secured that is not.
 */
export async function run(args: string[]): Promise<number> {
  const option = (name: string, usual: number) => (args.includes(name) ? Number(args[args.indexOf(name) + 1]) : usual);
  const seed = option('--seed', Date.now() % 1_000_000);
  const sessions = Math.ceil(option('--answers', ANSWERS) / SPOILT_PER_SESSION);
  const say = (text: string) => process.stdout.write(`${text}\n`);
  say(`seed ${seed}: ${sessions} sessions with ${SPOILT_PER_SESSION} spoilt answers each`);
  let notBack = 0;
  let falseSecured = 0;
  let spoilt = 0;
  for (let index = 0; index < sessions; index++) {
    const kind = KINDS[index % KINDS.length]!;
    const result = await runSession(kind, seed * 100_003 + index);
    falseSecured += result.falseSecured;
    if (result.spoilt) spoilt++;
    if (result.back) continue;
    notBack++;
    say(`session ${index} (${kind} key) is not back: ${JSON.stringify(result.facts)}, the truth is ${JSON.stringify(result.truth)}`);
  }
  say(`${spoilt} sessions were wrong, or did not know, when the spoilt answers ended`);
  say(JSON.stringify({ sessions, notBack, falseSecured }));
  return notBack === 0 && falseSecured === 0 ? 0 : 1;
}
