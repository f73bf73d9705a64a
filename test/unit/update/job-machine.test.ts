import { expect, test } from 'vitest';
import type { Job, JobOutcome } from '../../../agent/update/job.ts';
import { FIRST_JOB_STATE, type JobEffect, type JobEvent, type JobState, jobStep } from '../../../agent/update/job-machine.ts';
import { createRandom } from '../../support/random.ts';

const JOB = { jobId: 'j', executionNumber: 1 };
const RUNS = 20_000;
const SEED = 20_261_128;

/** The cloud, the updater and the disk around one machine, in which everything that can be late or lost is. */
function createWorld(pick: (count: number) => number) {
  const outcomes: JobOutcome[] = [
    { status: 'SUCCEEDED', reason: 'committed' },
    { status: 'FAILED', reason: 'no_cloud' },
    { status: 'REJECTED', reason: 'bad_signature' },
  ];
  const truth = outcomes[pick(3)]!;
  let state: JobState = FIRST_JOB_STATE;
  let disk: Job | null = null;
  let cloud: string = 'QUEUED';
  let told: string | null = null;
  /** What the updater knows: nothing, a request that lies there, a trial, its end. */
  let updater: 'none' | 'waiting' | 'trial' | 'done' = 'none';
  let trials = 0;
  let watching = false;
  /** What will happen sooner or later, in any order. */
  let pending: { event: JobEvent; ofLink: boolean }[] = [];

  const later = (event: JobEvent, ofLink = false) => void pending.push({ event, ofLink });
  const isOpen = () => cloud === 'QUEUED' || cloud === 'IN_PROGRESS';
  const answer = (event: JobEvent) =>
    later(pick(5) === 0 ? { type: 'refused', code: pick(2) === 0 ? 'NoAnswer' : 'RequestThrottled' } : event, true);
  const gone: JobEvent = { type: 'refused', code: 'InvalidStateTransition' };

  function carryOut(effect: JobEffect): void {
    switch (effect.type) {
      case 'askNext':
        if (isOpen()) cloud = 'IN_PROGRESS';
        answer({ type: 'offered', offered: isOpen() ? { ...JOB, document: {} } : null });
        return;
      case 'askDocument':
        answer(isOpen() ? { type: 'offered', offered: { ...JOB, document: {} } } : gone);
        return;
      case 'tellTrial':
        answer(isOpen() ? { type: 'accepted' } : gone);
        return;
      case 'tellEnd': {
        const was = isOpen();
        if (was) [cloud, told] = [effect.status, `${effect.status} ${effect.reason}`];
        answer(was ? { type: 'accepted' } : gone);
        return;
      }
      case 'save':
        disk = effect.job;
        later({ type: 'saved' });
        return;
      case 'prepare':
        later(([{ type: 'prepared' }, { type: 'stale' }, { type: 'prepared' }] as const)[pick(3)]!);
        return;
      case 'handOver':
        // Asked again for an attempt that it has had, the updater drops the request.
        if (updater === 'none') updater = 'waiting';
        watching = true;
        return;
      case 'watch':
        watching = true;
        return;
      case 'wait':
        later({ type: 'retry' });
        return;
      case 'stopWorking':
        pending = pending.filter(({ event }) => event.type !== 'prepared' && event.type !== 'stale');
        return;
    }
  }

  function dispatch(event: JobEvent): void {
    const step = jobStep(state, event);
    state = step.state;
    for (const effect of step.effects) carryOut(effect);
  }

  function crash(): void {
    pending = [];
    watching = false;
    state = FIRST_JOB_STATE;
    dispatch({ type: 'loaded', job: disk });
    dispatch({ type: 'linkUp' });
  }

  function linkFalls(): void {
    pending = pending.filter(({ ofLink }) => !ofLink);
    dispatch({ type: 'linkDown' });
    dispatch({ type: 'linkUp' });
  }

  function updaterMoves(): void {
    if (updater === 'waiting') {
      if (truth.status === 'REJECTED') updater = 'done';
      else {
        updater = 'trial';
        trials += 1;
      }
    } else if (updater === 'trial') updater = 'done';
  }

  function look(): void {
    if (!watching) return;
    // Who follows the updater ends with the hand-over.
    if (updater === 'none') watching = false;
    dispatch({ type: 'verdict', verdict: updater === 'done' ? truth : updater });
  }

  function happenOne(): void {
    const [next] = pending.splice(pick(pending.length), 1);
    dispatch(next!.event);
  }

  return {
    begin() {
      dispatch({ type: 'loaded', job: null });
      dispatch({ type: 'linkUp' });
    },
    disturb(allowCancel: boolean) {
      const what = pick(14);
      if (what === 0) crash();
      else if (what === 1) linkFalls();
      else if (what === 2) dispatch({ type: 'notified' });
      else if (what === 3 && allowCancel && isOpen()) cloud = 'CANCELED';
      else if (what < 7) updaterMoves();
      else if (what < 10) look();
      else if (pending.length > 0) happenOne();
    },
    /** Nothing goes wrong any more. */
    settle() {
      for (let turn = 0; turn < 400; turn += 1) {
        if (pending.length > 0) happenOne();
        updaterMoves();
        look();
        if (turn % 50 === 49) dispatch({ type: 'notified' });
      }
    },
    facts: () => ({ cloud, told, truth: `${truth.status} ${truth.reason}`, trials, job: state.job, disk, updater }),
  };
}

test('whatever is lost, repeated, cut or canceled: one trial at most, the truth is told, and nothing is left at hand', () => {
  const random = createRandom(SEED);
  const pick = (count: number) => Math.floor(random.unit() * count);
  const ends = new Set<string>();
  for (let run = 0; run < RUNS; run += 1) {
    const world = createWorld(pick);
    const cancels = pick(3) === 0;
    world.begin();
    for (let step = pick(60); step > 0; step -= 1) world.disturb(cancels);
    world.settle();
    const { cloud, told, truth, trials, job, disk } = world.facts();
    const what = `seed ${SEED}, run ${run}`;
    expect(trials, what).toBeLessThanOrEqual(1);
    expect([job, disk], what).toEqual([null, null]);
    expect(cloud, what).not.toMatch(/QUEUED|IN_PROGRESS/);
    if (cloud === 'CANCELED') expect(told, what).toBeNull();
    else if (told === 'FAILED url_refused') expect(trials, what).toBe(0);
    else expect(told, what).toBe(truth);
    ends.add(cloud);
  }
  expect([...ends].sort()).toEqual(['CANCELED', 'FAILED', 'REJECTED', 'SUCCEEDED']);
});

test('while another job is being settled, a new one is not begun', () => {
  const state: JobState = { ...FIRST_JOB_STATE, linked: true, job: { ...JOB, stage: 'handed_over', outcome: null } };
  expect(
    jobStep({ ...state, asking: 'trial' }, { type: 'offered', offered: { jobId: 'k', executionNumber: 1, document: {} } }).effects,
  ).toEqual([]);
});

test('waits grow with failures in a row, and a new session begins anew', () => {
  let state = jobStep({ ...FIRST_JOB_STATE, linked: true, asking: 'next' }, { type: 'refused', code: 'RequestThrottled' });
  expect(state.effects).toEqual([{ type: 'wait', failures: 1 }]);
  state = jobStep({ ...state.state, asking: 'next' }, { type: 'refused', code: 'NoAnswer' });
  expect(state.effects).toEqual([{ type: 'wait', failures: 2 }]);
  expect(jobStep(state.state, { type: 'linkUp' })).toMatchObject({ state: { failures: 0 }, effects: [{ type: 'askNext' }] });
});
