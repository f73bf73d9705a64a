import type { Manifest } from '../../../agent/release/manifest.ts';
import { committed } from '../../../agent/release/refusal.ts';
import { FIRST_STATE, type ReleasesState, type Verdict } from '../../../agent/release/state.ts';
import { type Count, type Decision, decide, type Facts, MAX_BOOTS, MAX_STARTS } from '../../../agent/updater/decide.ts';
import { type Walk, type WalkStep, walk } from '../../support/walk.ts';

/** How a release behaves on trial. */
export type Behaviour = 'good' | 'dies' | 'hangs' | 'says no' | 'uncountable';

/** What may go wrong, and how often. */
export interface UpdaterModel {
  behaviour: Behaviour;
  cuts: number;
  /** Root asks for the way back so often, at any time. */
  rollbacks?: number;
  decideWith?: (facts: Facts) => Decision;
}

/** A promise that is broken. */
class Broken extends Error {}

/** What is durable, and what runs. */
interface World {
  state: ReleasesState;
  count: Count | null;
  request: boolean;
  confirm: Verdict | null;
  rollback: number | null;
  folder: boolean;
  /** What the updater still does; null: it does not run. A cut takes it. */
  hand: readonly ('folder' | 'count' | 'state' | 'done')[] | null;
  decision: Decision | null;
  runs: number | null;
  trial: boolean;
  boot: number;
  /** The attempt that the launcher could not start in this boot. */
  refused: string | null;
  /** The time of a trial is over in this boot. */
  late: boolean;
  cuts: number;
  rollbacks: number;
}

const SEQUENCE = 20;
const ATTEMPT = 'job:1';
const MANIFEST = { sequence: SEQUENCE, arch: 'amd64', models: [], requiresSystem: 1 } as unknown as Manifest;
const FACTORY = { sequence: 10, system: 1 };

function factsOf(world: World): Facts {
  const { state, count, request, confirm, rollback, boot, late, folder, refused } = world;
  return {
    state,
    refused,
    factory: FACTORY,
    arch: 'amd64',
    model: null,
    count,
    trialThere: folder,
    bootId: String(boot),
    uptimeSeconds: late ? 700 : 100,
    trialSeconds: 600,
    nowSeconds: 0,
    request: request ? { attempt: ATTEMPT, manifest: MANIFEST, signature: '', signed: true } : null,
    confirm: confirm && { sequence: SEQUENCE, verdict: confirm },
    rollback,
    unreadable: [],
  };
}

/** As `launch select` counts and chooses. */
function select(world: World, behaviour: Behaviour): World {
  const { state, count, boot, folder } = world;
  const fallback = { ...world, runs: committed(factsOf(world)).sequence, trial: false };
  if (state.trial === null) return fallback;
  const refused = { ...fallback, refused: state.trial.attempt };
  if (!folder || behaviour === 'uncountable') return refused;
  const fresh: Count = { sequence: SEQUENCE, boots: 1, starts: 1, bootId: String(boot), sinceSeconds: 100 };
  let next = fresh;
  if (count?.bootId === String(boot)) next = { ...count, starts: count.starts + 1 };
  else if (count) next = { ...fresh, boots: count.boots + 1 };
  if (next.boots > MAX_BOOTS || next.starts > MAX_STARTS) return { ...refused, count: next };
  return { ...world, count: next, runs: SEQUENCE, trial: true };
}

function begin(world: World, decision: Decision): World {
  if (decision.type === 'rest') {
    // `launch settle`: what is to run is not what runs.
    const { state, count } = world;
    const refused = state.trial?.attempt === world.refused;
    const usable = state.trial !== null && !refused && (count?.boots ?? 0) <= MAX_BOOTS && (count?.starts ?? 0) <= MAX_STARTS;
    const wanted = usable ? SEQUENCE : committed(factsOf(world)).sequence;
    return world.runs === null || world.runs === wanted ? world : { ...world, runs: null, trial: false };
  }
  const hand = { write: ['state', 'done'], drop: ['done'], install: ['folder', 'count', 'state', 'done'] } as const;
  return { ...world, decision, hand: hand[decision.type] };
}

function act(world: World): World {
  const [next, ...rest] = world.hand!;
  const { decision } = world;
  const after: World = { ...world, hand: rest.length > 0 ? rest : null, decision: rest.length > 0 ? decision : null };
  if (next === 'folder') return { ...after, folder: true };
  if (next === 'count') return { ...after, count: null };
  if (next === 'state')
    return { ...after, state: decision!.type === 'install' ? decision!.started : (decision as { state: ReleasesState }).state };
  const done = decision!.type === 'install' ? 'request' : (decision as { done: 'request' | 'confirm' | 'rollback' | null }).done;
  return {
    ...after,
    ...(done === 'request' && { request: false }),
    ...(done === 'confirm' && { confirm: null }),
    ...(done === 'rollback' && { rollback: null }),
  };
}

function check(before: World, after: World): void {
  if (after.runs === SEQUENCE && !after.folder) throw new Broken('a release runs that is not whole');
  if (after.runs === SEQUENCE && before.runs === null && !after.trial && after.state.current.sequence !== SEQUENCE)
    throw new Broken('a release is started that is neither committed nor on trial');
  if (after.state.highest < before.state.highest) throw new Broken('the highest sequence went down');
  const ended = after.state.history.filter(({ what }) => what !== 'trial' && what !== 'refused');
  if (ended.filter(({ attempt }) => attempt === ATTEMPT).length > 1) throw new Broken('an attempt has two ends');
  if (after.state.history.filter(({ what }) => what === 'trial').length > 1) throw new Broken('an attempt was tried twice');
}

function stepsOf(world: World, { behaviour, decideWith = decide }: UpdaterModel): WalkStep<World>[] {
  const steps: WalkStep<World>[] = [];
  const add = (what: string, certain: boolean, next: World) => {
    check(world, next);
    steps.push({ world: next, certain, what: () => what });
  };
  if (world.cuts > 0) {
    const dark = {
      ...world,
      hand: null,
      decision: null,
      runs: null,
      trial: false,
      late: false,
      boot: world.boot + 1,
      refused: null,
      cuts: world.cuts - 1,
    };
    add('the power goes', false, dark);
  }
  if (world.rollbacks > 0 && world.hand === null) {
    const from = world.state.trial?.sequence ?? world.state.current.sequence;
    add('root asks for the way back', false, { ...world, rollback: from, rollbacks: world.rollbacks - 1 });
  }
  if (world.hand !== null) {
    add(`the updater: ${world.hand[0]}`, true, act(world));
    return steps;
  }
  if (world.runs === null) add('the launcher starts an agent', true, select(world, behaviour));
  const next = begin(world, decideWith(factsOf(world)));
  const asked = world.request || world.confirm !== null || world.rollback !== null;
  const over = world.state.trial !== null && (!world.trial || world.late) && world.runs !== null;
  if ((asked || over) && next !== world) add('the updater runs', true, next);
  else if (next !== world && world.runs !== null) add('another release is to run', true, next);
  if (world.trial && world.state.trial !== null && world.confirm === null) {
    if (behaviour === 'good') add('the trial proves itself', true, { ...world, confirm: 'healthy' });
    if (behaviour === 'says no') add('the trial says what it lacks', true, { ...world, confirm: 'no_cloud' });
    if (behaviour === 'dies') add('the trial dies', true, { ...world, runs: null, trial: false });
    if (behaviour === 'hangs' && !world.late) add('the time of the trial is over', true, { ...world, late: true });
  }
  return steps;
}

function checkRest({ state, request, confirm, rollback, runs }: World, { behaviour, cuts, rollbacks = 0 }: UpdaterModel): void {
  if (request || confirm !== null || rollback !== null) throw new Broken('a message is left');
  if (state.trial !== null) throw new Broken('the trial has no end');
  if (runs !== committed({ state, factory: FACTORY }).sequence) throw new Broken(`${runs} runs, and is not committed`);
  if (behaviour !== 'good' && state.current.sequence === SEQUENCE) throw new Broken('a bad release was committed');
  if (behaviour === 'good' && cuts < MAX_BOOTS && rollbacks === 0 && runs !== SEQUENCE)
    throw new Broken('a good release was not committed');
}

/** Walks through all that can happen to one update. @throws Broken with the way that leads there */
export function exploreUpdater(model: UpdaterModel): Walk {
  const first: World = {
    state: FIRST_STATE,
    count: null,
    request: true,
    confirm: null,
    rollback: null,
    folder: false,
    hand: null,
    decision: null,
    runs: 0,
    trial: false,
    boot: 1,
    refused: null,
    late: false,
    cuts: model.cuts,
    rollbacks: model.rollbacks ?? 0,
  };
  return walk({
    first,
    stepsOf: (world) => stepsOf(world, model),
    keyOf: (world) => JSON.stringify(world),
    checkRest: (world) => checkRest(world, model),
    Broken,
    maxStates: 1_000_000,
  });
}
