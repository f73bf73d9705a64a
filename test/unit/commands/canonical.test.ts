import { expect, test } from 'vitest';
import { createHub, type Hub, type ModelCommand, realMachine } from './model/machine.ts';
import { createSteps } from './model/steps.ts';
import { canonical, copyOf, firstWorld, keyOf, type Luck, type World } from './model/world.ts';

const once: ModelCommand = { kind: 'once', intake: 'shadow' };
const reading: ModelCommand = { kind: 'repeatable', intake: 'shadow' };
const requested: ModelCommand = { kind: 'once', intake: 'executions' };

/** The canonical forms of all worlds that can be reached with this merging. */
function forms(hub: Hub, commands: readonly ModelCommand[], luck: Luck, merge: (world: World) => World): Set<string> {
  const stepsOf = createSteps(hub, commands, merge);
  const first = merge(firstWorld(hub, commands.length, luck));
  const seen = new Set([keyOf(first)]);
  const found = new Set<string>();
  const left = [first];
  for (let world = left.pop(); world; world = left.pop()) {
    found.add(keyOf(canonical(hub, copyOf(world))));
    for (const step of stepsOf(world)) {
      const key = keyOf(step.world);
      if (seen.has(key)) continue;
      seen.add(key);
      left.push(step.world);
    }
  }
  return found;
}

const none: Luck = { crashes: 0, reconnects: 0, faults: 0, fullDisks: 0, lostJournals: 0 };

test.each<[string, ModelCommand[], Partial<Luck>]>([
  ['a crash', [once], { crashes: 1 }],
  ['two commands, a fall of the link', [once, reading], { reconnects: 1 }],
  ['two commands, a fault', [reading, once], { faults: 1 }],
  ['a crash among faults', [once], { crashes: 1, faults: 2 }],
  ['a lost journal', [reading], { lostJournals: 1, faults: 1 }],
  ['two crashes, a full disk', [reading], { crashes: 2, fullDisks: 1 }],
  ['requests', [requested], { crashes: 1, reconnects: 1, faults: 1 }],
])('worlds that are merged behave alike: the walk without merging meets the same ones (%s)', (_name, commands, luck) => {
  // One hub for both walks: it numbers what it meets.
  const hub = createHub(realMachine, commands);
  const merged = forms(hub, commands, { ...none, ...luck }, (world) => canonical(hub, world));
  const whole = forms(hub, commands, { ...none, ...luck }, (world) => world);
  expect([...whole].filter((form) => !merged.has(form)).length).toBe(0);
  expect(merged.size).toBeLessThanOrEqual(whole.size);
});
