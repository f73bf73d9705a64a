import { reportStep } from '../../../../../agent/cloud/shadow/report-machine.ts';
import { checkRest, createSteps, type ReportMachine, type Step } from './steps.ts';
import { canonical, firstWorld, keyOf, type Luck, Untrue, type World } from './world.ts';

/**
 * The machine of presence and reports together with a model of the Shadow service, of the will and the cloud's rule behind it, and of a
 * network that loses, repeats, delays and reorders. Every interleaving is walked through. Time is the machine's own: a timer fires when
 * nothing that must have happened by then is under way. The promise: wherever nothing is certain to happen any more but heartbeats, the
 * shadow tells the truth and the hub knows it; after another hand has written, within two heartbeats.
 */
export interface PresenceOptions extends Partial<Luck> {
  machine?: ReportMachine;
  /** Gives up beyond this many states. */
  maxStates?: number;
}

export interface PresenceExploration {
  /** Different worlds. */
  states: number;
  /** Ways from one to another. */
  steps: number;
  /** Worlds at rest. */
  ends: number;
}

interface Frame {
  key: string;
  what: () => string;
  steps: Step[];
  next: number;
}

/** Walks through all reachable worlds. @throws Untrue with the way to a lie, or into a circle without rest. */
export function explorePresence({ machine = reportStep, maxStates = 5_000_000, ...happens }: PresenceOptions): PresenceExploration {
  const luck: Luck = { faults: 0, falls: 0, crashes: 0, changes: 0, foreign: 0, commands: 0, ...happens };
  const stepsOf = createSteps(machine);
  const seen = new Set<string>();
  const onPath = new Set<string>();
  const path: Frame[] = [];
  const found = { steps: 0, ends: 0 };
  let what = () => 'start';

  const enter = (world: World, key: string) => {
    seen.add(key);
    onPath.add(key);
    if (seen.size > maxStates) throw new Error(`more than ${maxStates} states`);
    const frame: Frame = { key, what, steps: [], next: 0 };
    path.push(frame);
    frame.steps = stepsOf(world);
    if (frame.steps.some(({ certain }) => certain)) return;
    found.ends += 1;
    checkRest(world);
  };

  try {
    const first = canonical(firstWorld(luck));
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
      else if (onPath.has(key)) throw new Untrue('it goes round in circles');
    }
  } catch (error) {
    if (!(error instanceof Untrue)) throw error;
    const way = [...path.map((frame) => frame.what()), ...(what === path.at(-1)?.what ? [] : [what()])];
    throw new Untrue(`${error.message}:\n  ${way.join('\n  ')}`);
  }
  return { ...found, states: seen.size };
}
