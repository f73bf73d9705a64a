import type { BusFailure } from '../../../contract/node.ts';
import type { Permit } from '../state/decision.ts';

/** Why the bus does not work, for people; never with a key. */
export interface Problem {
  reason: BusFailure;
  message: string;
}

/** What the library is expected to answer to a start, and what it answered. */
export type Expected = 'formed' | 'resumed' | 'restored';
export type StartResult = 'resumed' | 'restored' | 'reset';

/**
 * Where a Zigbee bus is. `deciding`: disk and stick are looked at. `starting`: the library forms, resumes or restores the network. `ending`: the process was told
 * to end, and has not yet. `failures` counts since the network was last up for `SETTLED_MS`; few of them are left when a stick is plugged in. `problem` stays until the network is up: what is tried again is not
 * healed.
 */
export type State =
  | { phase: 'stopped' }
  | { phase: 'deciding'; permit: Permit; failures: number; problem: Problem | null }
  | { phase: 'starting'; expects: Expected; failures: number; problem: Problem | null }
  | { phase: 'up'; sinceMs: number; failures: number }
  | { phase: 'ending'; after: 'stopped' | 'waiting' | 'deciding'; permit: Permit; failures: number; problem: Problem | null }
  | { phase: 'waiting'; failures: number; problem: Problem };

export type Event =
  | { kind: 'start' }
  | { kind: 'stop' }
  /** A person on the hub asks for it. */
  | { kind: 'asked'; permit: 'restore' | 'form' }
  | { kind: 'decided'; expects: Expected }
  /** It must not, or cannot, be started as things are. */
  | { kind: 'refused'; problem: Problem }
  | { kind: 'started'; result: StartResult; atMs: number }
  /** A start failed, or a network that was up is gone: pulled, silent, or reset. */
  | { kind: 'failed'; problem: Problem; atMs: number }
  /** The process is gone and its port free. */
  | { kind: 'exited'; atMs: number }
  | { kind: 'waited' }
  /** A stick was plugged in: it is not waited for any longer. */
  | { kind: 'plugged' };

/** What the driver does. `decide`: looks at disk and stick, in a process. `launch`: starts the library in it. `end`: ends the process. */
export type Effect =
  | { do: 'decide'; permit: Permit }
  | { do: 'launch' }
  | { do: 'end' }
  | { do: 'wait'; problem: Problem; failures: number }
  | { do: 'cancel_wait' }
  /** The network is up as expected: to be recorded. */
  | { do: 'settle' }
  /** The library formed another network although one existed. */
  | { do: 'network_lost' };

export interface Step {
  state: State;
  effects: Effect[];
}

/** A network that was up this long was sound: the next failure begins with the shortest pause. */
export const SETTLED_MS = 60_000;

/** What failed before a stick was plugged in counts no more than this: it may need some attempts of its own, and a loose plug must not start a process a second. */
const PLUGGED_FAILURES = 4;

export const NETWORK_LOST: Problem = {
  reason: 'network',
  message:
    'the library formed another network although one existed: every device would have to be paired again, unless the network is restored',
};
const DIED: Problem = { reason: 'failed', message: 'the process of the Zigbee library ended by itself' };

const stay = (state: State): Step => ({ state, effects: [] });

function failed(state: State & { failures: number }, problem: Problem, atMs: number): Step {
  const failures = state.phase === 'up' && atMs - state.sinceMs >= SETTLED_MS ? 1 : state.failures + 1;
  return { state: { phase: 'ending', after: 'waiting', permit: 'none', failures, problem }, effects: [{ do: 'end' }] };
}

const waiting = (problem: Problem, failures: number): Step => ({
  state: { phase: 'waiting', failures, problem },
  effects: [{ do: 'wait', problem, failures }],
});

const deciding = (permit: Permit, failures: number, problem: Problem | null): Step => ({
  state: { phase: 'deciding', permit, failures, problem },
  effects: [{ do: 'decide', permit }],
});

function started(state: State & { phase: 'starting' }, result: StartResult, atMs: number): Step {
  const { expects, failures } = state;
  if (result === 'reset' && expects !== 'formed') {
    return { state: { ...failed(state, NETWORK_LOST, atMs).state, failures }, effects: [{ do: 'network_lost' }, { do: 'end' }] } as Step;
  }
  return { state: { phase: 'up', sinceMs: atMs, failures }, effects: [{ do: 'settle' }] };
}

function exited(state: State, atMs: number): Step {
  switch (state.phase) {
    case 'stopped':
    case 'waiting':
      return stay(state);
    case 'ending':
      if (state.after === 'stopped') return stay({ phase: 'stopped' });
      if (state.after === 'deciding') return deciding(state.permit, state.failures, state.problem);
      return waiting(state.problem ?? DIED, state.failures);
    default: {
      const next = failed(state, DIED, atMs).state as State & { failures: number };
      return waiting(DIED, next.failures);
    }
  }
}

function asked(state: State, permit: Permit): Step {
  switch (state.phase) {
    case 'stopped':
      return stay(state);
    case 'waiting': {
      const next = deciding(permit, 0, state.problem);
      return { ...next, effects: [{ do: 'cancel_wait' }, ...next.effects] };
    }
    case 'ending':
      return stay(state.after === 'stopped' ? state : { ...state, after: 'deciding', permit });
    default: {
      const problem = 'problem' in state ? state.problem : null;
      return { state: { phase: 'ending', after: 'deciding', permit, failures: 0, problem }, effects: [{ do: 'end' }] };
    }
  }
}

function stopped(state: State): Step {
  if (state.phase === 'stopped') return stay(state);
  if (state.phase === 'waiting') return { state: { phase: 'stopped' }, effects: [{ do: 'cancel_wait' }] };
  const effects: Effect[] = state.phase === 'ending' ? [] : [{ do: 'end' }];
  return { state: { phase: 'ending', after: 'stopped', permit: 'none', failures: 0, problem: null }, effects };
}

/** The next state of a Zigbee bus and what to do. An event that comes too late for its phase changes nothing. */
export function step(state: State, event: Event): Step {
  switch (event.kind) {
    case 'stop':
      return stopped(state);
    case 'exited':
      return exited(state, event.atMs);
    case 'asked':
      return asked(state, event.permit);
    case 'start':
      if (state.phase === 'ending' && state.after === 'stopped') return stay({ ...state, after: 'deciding' });
      return state.phase === 'stopped' ? deciding('none', 0, null) : stay(state);
    case 'waited':
      return state.phase === 'waiting' ? deciding('none', state.failures, state.problem) : stay(state);
    case 'plugged': {
      if (state.phase !== 'waiting') return stay(state);
      const next = deciding('none', Math.min(state.failures, PLUGGED_FAILURES), state.problem);
      return { ...next, effects: [{ do: 'cancel_wait' }, ...next.effects] };
    }
    case 'decided':
      if (state.phase !== 'deciding') return stay(state);
      return {
        state: { phase: 'starting', expects: event.expects, failures: state.failures, problem: state.problem },
        effects: [{ do: 'launch' }],
      };
    case 'refused':
      if (state.phase !== 'deciding') return stay(state);
      return {
        state: { phase: 'ending', after: 'waiting', permit: 'none', failures: state.failures, problem: event.problem },
        effects: [{ do: 'end' }],
      };
    case 'started':
      return state.phase === 'starting' ? started(state, event.result, event.atMs) : stay(state);
    case 'failed':
      return state.phase === 'deciding' || state.phase === 'starting' || state.phase === 'up'
        ? failed(state, event.problem, event.atMs)
        : stay(state);
  }
}
