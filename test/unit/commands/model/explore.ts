import { createHub, type Machine, type ModelCommand, realMachine } from './machine.ts';
import { checkRest, createSteps, type Step } from './steps.ts';
import { Broken, canonical, firstWorld, keyOf, type Luck, type World } from './world.ts';

/**
 * The command machine together with a model of its driver, of the Shadow service, of a network that loses, repeats, delays and reorders, of
 * a link that falls, and of a process that dies between any two writes. Every interleaving is walked through. The promises:
 * a command that changes something runs at most once, one that reads at most once a process; none runs after its answer, after it
 * was refused, or before it is gone from `desired`; no command is cleared that the hub did not know; no two different answers; and every
 * command that was taken is answered, in every way it can go: the walk has no cycle, so each way ends, and each end is checked.
 */
export interface ModelOptions extends Partial<Luck> {
  /** What the cloud sends, in this order; a later one may overwrite an earlier one in `desired`. At most 4. */
  commands: readonly ModelCommand[];
  machine?: Machine;
  /** Gives up beyond this many states. */
  maxStates?: number;
}

export interface Exploration {
  /** Different worlds. */
  states: number;
  /** Ways from one to another. */
  steps: number;
  /** Worlds where nothing is certain to happen any more: everything is settled there. */
  ends: number;
}

interface Frame {
  key: string;
  what: () => string;
  steps: Step[];
  next: number;
}

/** Walks through all reachable worlds. @throws Broken with the way that leads to a broken promise. */
export function explore({ commands, machine = realMachine, maxStates = 20_000_000, ...bad }: ModelOptions): Exploration {
  const luck: Luck = { crashes: 0, reconnects: 0, faults: 0, fullDisks: 0, lostJournals: 0, ...bad };
  const hub = createHub(machine, commands);
  const stepsOf = createSteps(hub, commands);
  const seen = new Set<string>();
  /** The worlds on the way to the present one: coming back to one of them is a circle. */
  const onPath = new Set<string>();
  const path: Frame[] = [];
  const found = { states: 0, steps: 0, ends: 0 };
  let what = () => 'start';

  const enter = (world: World, key: string) => {
    seen.add(key);
    onPath.add(key);
    if (seen.size > maxStates) throw new Error(`more than ${maxStates} states`);
    const frame = { key, what, steps: [] as Step[], next: 0 };
    path.push(frame);
    frame.steps = stepsOf(world);
    if (!frame.steps.some(({ certain }) => certain)) {
      found.ends += 1;
      checkRest(world, hub);
    }
  };

  try {
    const first = canonical(firstWorld(hub, commands.length, luck));
    enter(first, keyOf(first));
    while (path.length > 0) {
      const frame = path.at(-1)!;
      const step = frame.steps[frame.next++];
      if (!step) {
        onPath.delete(frame.key);
        path.pop();
        continue;
      }
      found.steps += 1;
      what = step.what;
      const key = keyOf(step.world);
      if (!seen.has(key)) enter(step.world, key);
      else if (onPath.has(key)) throw new Broken('it goes round in circles');
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const way = [...path.map((frame) => frame.what()), ...(what === path.at(-1)?.what ? [] : [what()])];
    throw new Broken(`${error.message}:\n  ${way.join('\n  ')}`);
  }
  return { ...found, states: seen.size };
}
