import { reportStep } from '../../../../../agent/cloud/shadow/report-machine.ts';
import { type Walk, walk } from '../../../../support/walk.ts';
import { checkRest, createSteps, type ReportMachine } from './steps.ts';
import { canonical, firstWorld, keyOf, type Luck, Untrue } from './world.ts';

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

/** Walks through all reachable worlds. @throws Untrue with the way to a lie, or into a circle without rest. */
export function explorePresence({ machine = reportStep, maxStates = 5_000_000, ...happens }: PresenceOptions): Walk {
  const luck: Luck = { faults: 0, falls: 0, crashes: 0, changes: 0, foreign: 0, commands: 0, ...happens };
  return walk({ first: canonical(firstWorld(luck)), stepsOf: createSteps(machine), keyOf, checkRest, Broken: Untrue, maxStates });
}
