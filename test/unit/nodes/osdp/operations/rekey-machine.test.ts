import { expect, test } from 'vitest';
import type { RekeyResult } from '../../../../../agent/contract/maintenance.ts';
import { type BaseKey, isSameKey } from '../../../../../agent/nodes/osdp/keys/key-record.ts';
import {
  beginRekey,
  type Rekey,
  type RekeyAction,
  type RekeyEvent,
  rekeyStep,
  type Word,
} from '../../../../../agent/nodes/osdp/operations/rekey-machine.ts';
import { Secret } from '../../../../../agent/system/secret.ts';

/** A peripheral, the disk, and a rekey that goes on, or was cut. */
interface World {
  /** The key in the peripheral. */
  pd: BaseKey;
  kept: readonly BaseKey[];
  rekey: { state: Rekey; action: RekeyAction; random: BaseKey; kept: readonly BaseKey[] } | null;
  /** Attempts so far: each has a random key of its own. */
  attempts: number;
}

const MAX_ATTEMPTS = 3;
const OLD = new Secret('0f'.repeat(16));
const fresh = (attempt: number) => new Secret(attempt.toString(16).padStart(32, 'a'));

const opens = ({ kept, pd }: World) => kept.find((key) => isSameKey(key, pd));
/** What the key ring forgets when the newest key is proven. */
const afterOpening = (world: World, key: BaseKey): World =>
  isSameKey(world.kept[0]!, key) && world.kept.length > 1 ? { ...world, kept: [key] } : world;

function next(world: World, event: RekeyEvent): World {
  const { rekey } = world;
  return { ...world, rekey: { ...rekey!, ...rekeyStep(rekey!.state, event, rekey!) } };
}

/** Everything that can come of the action that is due: each with the world right after it, and the event that tells of it. */
function outcomes(world: World): [World, RekeyEvent][] {
  const { action } = world.rekey!;
  const answered = (word: Word): RekeyEvent => ({ kind: 'answered', word });
  switch (action.kind) {
    case 'open': {
      const key = opens(world);
      const none: [World, RekeyEvent] = [world, { kind: 'closed' }];
      return key ? [none, [afterOpening(world, key), { kind: 'opened', key }]] : [none];
    }
    case 'store':
      return [
        [{ ...world, kept: action.keys }, { kind: 'stored' }],
        [world, { kind: 'not_stored' }],
      ];
    case 'send': {
      const taken = { ...world, pd: action.key };
      return [
        [taken, answered('taken')],
        [taken, answered('none')],
        [world, answered('none')],
        [world, answered('refused')],
        // It lied, or forgets it at once.
        [world, answered('taken')],
      ];
    }
    default:
      return [];
  }
}

test('whatever is lost, and wherever agent, peripheral or power end, some stored key opens the peripheral', () => {
  const results = new Map<RekeyResult, number>();
  let states = 0;
  let most = 0;

  function visit(world: World): void {
    states++;
    most = Math.max(most, world.kept.length);
    expect(opens(world), `step ${world.rekey?.state.step ?? 'none'}`).toBeDefined();
    const { rekey } = world;
    // The agent, or the power, ends here, and somebody tries again; before anything has begun, somebody tries.
    if (world.attempts < MAX_ATTEMPTS) {
      const { kept } = world;
      const attempt = { ...beginRekey(), random: fresh(world.attempts), kept };
      visit({ ...world, attempts: world.attempts + 1, rekey: attempt });
    }
    if (!rekey || rekey.action.kind === 'end') {
      if (rekey?.state.step === 'end') results.set(rekey.state.result, (results.get(rekey.state.result) ?? 0) + 1);
      return;
    }
    for (const [after, event] of outcomes(world)) {
      // Cut after the act, before the agent knows of it.
      if (after !== world && world.attempts < MAX_ATTEMPTS) visit({ ...after, rekey: null });
      visit(next(after, event));
    }
  }

  for (const pd of ['default', OLD] as const) visit({ pd, kept: [pd], rekey: null, attempts: 0 });
  expect([...results.keys()].sort()).toEqual(['not_stored', 'not_taken', 'refused', 'rekeyed', 'unproven', 'unsecured']);
  expect(states).toBeGreaterThan(1_000);
  expect(most).toBe(2);
});

test('a new key that may have been sent is sent again, and no third one is made', () => {
  const [first, second] = [fresh(1), fresh(2)];
  const start = { random: second, kept: [first, OLD] };
  expect(rekeyStep({ step: 'open' }, { kind: 'opened', key: OLD }, start).action).toEqual({ kind: 'store', keys: [first, OLD] });
  expect(rekeyStep({ step: 'open' }, { kind: 'opened', key: first }, { ...start, kept: [first] }).action).toEqual({
    kind: 'store',
    keys: [second, first],
  });
});
