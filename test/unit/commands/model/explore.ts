import { type Walk, walk } from '../../../support/walk.ts';
import { createHub, type Machine, type ModelCommand, realMachine } from './machine.ts';
import { checkRest, createSteps } from './steps.ts';
import { Broken, canonical, firstWorld, keyOf, type Luck } from './world.ts';

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

/** Walks through all reachable worlds. @throws Broken with the way that leads to a broken promise. */
export function explore({ commands, machine = realMachine, maxStates = 20_000_000, ...bad }: ModelOptions): Walk {
  const luck: Luck = { crashes: 0, reconnects: 0, faults: 0, fullDisks: 0, lostJournals: 0, ...bad };
  const hub = createHub(machine, commands);
  const first = canonical(hub, firstWorld(hub, commands.length, luck));
  return walk({ first, stepsOf: createSteps(hub, commands), keyOf, checkRest: (world) => checkRest(world, hub), Broken, maxStates });
}
