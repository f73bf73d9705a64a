/** One thing that can happen next in a model. */
export interface WalkStep<World> {
  world: World;
  /** It happens by itself, sooner or later. */
  certain: boolean;
  what: () => string;
}

/** How much was walked through. */
export interface Walk {
  /** Different worlds. */
  states: number;
  /** Ways from one to another. */
  steps: number;
  /** Worlds where nothing is certain to happen any more. */
  ends: number;
}

export interface WalkOptions<World> {
  first: World;
  /** Everything that can happen next. @throws Broken for a promise that a step breaks */
  stepsOf(world: World): WalkStep<World>[];
  /** Two worlds have the same key only if they are the same. */
  keyOf(world: World): string;
  /** What must hold where nothing is certain to happen any more. @throws Broken */
  checkRest(world: World): void;
  /** The error of a broken promise. */
  Broken: new (
    message: string,
  ) => Error;
  /** Gives up beyond this many states. */
  maxStates: number;
}

interface Frame<World> {
  key: string;
  what: () => string;
  steps: WalkStep<World>[];
  next: number;
}

/**
 * Walks through all worlds that can be reached, depth first. A circle is a broken promise: on it nothing ever comes to rest.
 * @throws Broken with the way that leads to the broken promise
 */
export function walk<World>({ first, stepsOf, keyOf, checkRest, Broken, maxStates }: WalkOptions<World>): Walk {
  const seen = new Set<string>();
  /** The worlds on the way to the present one: coming back to one of them is a circle. */
  const onPath = new Set<string>();
  const path: Frame<World>[] = [];
  const found = { steps: 0, ends: 0 };
  let what = () => 'start';

  const enter = (world: World, key: string) => {
    seen.add(key);
    onPath.add(key);
    if (seen.size > maxStates) throw new Error(`more than ${maxStates} states`);
    const frame: Frame<World> = { key, what, steps: [], next: 0 };
    path.push(frame);
    frame.steps = stepsOf(world);
    if (frame.steps.some(({ certain }) => certain)) return;
    found.ends += 1;
    checkRest(world);
  };

  try {
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
