import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLOCK_POLL_MS,
  CONNECT_DEADLINE_MS,
  type ConnectionConfig,
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  type ConnectionStep,
  connectionStep,
  initialConnection,
  MIN_CONNECT_GAP_MS,
  TAKEN_OVER_BACKOFF_MS,
} from '../../../../agent/cloud/connection/connection.ts';
import type { ConnectionPhase, DownReason } from '../../../../agent/contract/cloud.ts';
import { runStorm } from '../../../bench/storm/fleet.ts';
import { createRandom } from '../../../support/random.ts';

const CONFIG: ConnectionConfig = {
  targets: 2,
  spreadMs: 25_000,
  minBackoffMs: 2_000,
  maxBackoffMs: 128_000,
  maxUnreachableBackoffMs: 28_000,
  settleMs: 30_000,
};
const REASONS: DownReason[] = ['network', 'tls', 'refused', 'taken_over', 'kicked', 'unauthorized', 'keepalive', 'closed', 'local'];
const trusted = { clockTrusted: true };

/** Feeds events one after the other at their times; answers the last step. */
function play(steps: [ConnectionEvent, { at: number; random?: number }][], config = CONFIG, from = initialConnection()): ConnectionStep {
  let last: ConnectionStep = { state: from, effects: [] };
  for (const [event, { at, random = 0 }] of steps) last = connectionStep(config, last.state, event, at, random);
  return last;
}

const timerOf = (effects: ConnectionEffect[]) => effects.flatMap((effect) => (effect.type === 'timer' ? [effect.delayMs] : []))[0];

const connecting = (at = 0) =>
  play([
    [{ type: 'start', ...trusted }, { at }],
    [{ type: 'timer', ...trusted }, { at }],
  ]).state;
const connected = (at = 0) => play([[{ type: 'up' }, { at }]], CONFIG, connecting(at)).state;
const settled = (at = 0) => play([[{ type: 'timer', ...trusted }, { at: at + 30_000 }]], CONFIG, connected(at)).state;

describe('arrows', () => {
  test('a start waits a random part of the spread, then connects', () => {
    const step = connectionStep(CONFIG, initialConnection(), { type: 'start', ...trusted }, 0, 0.5);
    expect(step).toMatchObject({ state: { phase: 'waiting', waitReason: 'spread' }, effects: [{ type: 'timer', delayMs: 12_500 }] });
    const next = connectionStep(CONFIG, step.state, { type: 'timer', ...trusted }, 12_500, 0);
    expect(next.state).toMatchObject({ phase: 'connecting', waitReason: null, lastConnectMs: 12_500 });
    expect(next.effects).toEqual([
      { type: 'connect', target: 0 },
      { type: 'timer', delayMs: CONNECT_DEADLINE_MS },
    ]);
  });

  test('without a trusted clock nothing connects, and the reason shows; once it is set, the spread comes first', () => {
    let step = connectionStep(CONFIG, initialConnection(), { type: 'start', clockTrusted: false }, 0, 0.9);
    for (let poll = 1; poll <= 100; poll++) {
      expect(step).toMatchObject({ state: { waitReason: 'clock_unsynced' }, effects: [{ type: 'timer', delayMs: CLOCK_POLL_MS }] });
      step = connectionStep(CONFIG, step.state, { type: 'timer', clockTrusted: false }, poll * CLOCK_POLL_MS, 0.9);
    }
    step = connectionStep(CONFIG, step.state, { type: 'timer', ...trusted }, 200_000, 0.9);
    expect(step).toMatchObject({ state: { waitReason: 'spread' }, effects: [{ type: 'timer', delayMs: 22_500 }] });
  });

  test('a clock that is lost while waiting is waited for again', () => {
    const step = play([
      [{ type: 'start', ...trusted }, { at: 0 }],
      [{ type: 'timer', clockTrusted: false }, { at: 9 }],
    ]);
    expect(step.state).toMatchObject({ phase: 'waiting', waitReason: 'clock_unsynced' });
  });

  test('up, and settled after its time: the failures are forgotten', () => {
    const failed = play(
      [
        [{ type: 'down', reason: 'refused' }, { at: 10 }],
        [{ type: 'timer', ...trusted }, { at: 3_000 }],
      ],
      CONFIG,
      connecting(),
    );
    const up = connectionStep(CONFIG, failed.state, { type: 'up' }, 3_100, 0);
    expect(up).toMatchObject({ state: { phase: 'connected', settled: false, failures: 1 }, effects: [{ type: 'timer', delayMs: 30_000 }] });
    const later = connectionStep(CONFIG, up.state, { type: 'timer', ...trusted }, 33_100, 0);
    expect(later).toMatchObject({ state: { phase: 'connected', settled: true, failures: 0 }, effects: [] });
  });

  test('a connect that stays silent is given up', () => {
    const step = connectionStep(CONFIG, connecting(), { type: 'timer', ...trusted }, CONNECT_DEADLINE_MS, 0);
    expect(step.state).toMatchObject({ phase: 'waiting', waitReason: 'backoff', lastDown: 'network' });
    expect(step.effects[0]).toEqual({ type: 'close' });
  });

  test('stop ends everything from everywhere', () => {
    for (const state of [connecting(), connected(), settled()]) {
      const step = connectionStep(CONFIG, state, { type: 'stop' }, 40_000, 0);
      expect(step.state).toMatchObject({ phase: 'stopped', waitReason: null });
      expect(step.effects).toEqual([{ type: 'cancelTimer' }, { type: 'close' }]);
    }
  });

  test('reconnectNow drops the link and comes back as soon as the server allows, on the first way', () => {
    const step = connectionStep(CONFIG, { ...connected(1_000), target: 1, failures: 9 }, { type: 'reconnectNow', ...trusted }, 1_500, 0.99);
    expect(step.state).toMatchObject({ phase: 'waiting', failures: 0, target: 0, fleetWide: false });
    expect(step.effects).toEqual([{ type: 'close' }, { type: 'timer', delayMs: 1_500 }]);
  });
});

describe('waits', () => {
  const downAfter = (state: ConnectionState, reason: DownReason, random: number, at = 100_000) =>
    connectionStep(CONFIG, state, { type: 'down', reason }, at, random);

  test.each(['closed', 'kicked'] as const)('a settled link that was %s: spread like the rest of the fleet', (reason) => {
    const step = downAfter(settled(), reason, 0.8);
    expect(step.state).toMatchObject({ waitReason: 'spread', failures: 0 });
    expect(timerOf(step.effects)).toBe(20_000);
  });

  test('a settled link that fell silent: tried again at once', () => {
    const step = downAfter(settled(), 'keepalive', 0.99);
    expect(step.state).toMatchObject({ waitReason: 'backoff', failures: 0 });
    expect(timerOf(step.effects)).toBeLessThanOrEqual(2_000);
  });

  test('nobody answers: between the spread and the ceiling, from the first time on', () => {
    for (const random of [0, 0.5, 0.999]) {
      const delayMs = timerOf(downAfter(connecting(), 'network', random).effects)!;
      expect(delayMs).toBeGreaterThanOrEqual(CONFIG.spreadMs);
      expect(delayMs).toBeLessThanOrEqual(CONFIG.maxUnreachableBackoffMs);
    }
  });

  test('nobody answers after a change of our own network: full jitter from the minimum', () => {
    const hurried = play(
      [
        [{ type: 'reconnectNow', ...trusted }, { at: 50_000 }],
        [{ type: 'timer', ...trusted }, { at: 52_000 }],
      ],
      CONFIG,
      settled(),
    ).state;
    const ceilings = [2_000, 4_000, 8_000, 16_000, 28_000, 28_000];
    let state = hurried;
    for (const ceiling of ceilings) {
      const step = downAfter(state, 'network', 0.999, 100_000);
      expect(timerOf(step.effects)).toBe(Math.round(ceiling * 0.999));
      state = connectionStep(CONFIG, step.state, { type: 'timer', ...trusted }, 100_000, 0).state;
    }
  });

  test('the server says no: full jitter below 2 s … 128 s', () => {
    let state = connecting();
    let at = 0;
    for (const ceiling of [2, 4, 8, 16, 32, 64, 128, 128].map((seconds) => seconds * 1_000)) {
      at += 200_000;
      expect(timerOf(downAfter(state, 'refused', 0, at).effects)).toBe(MIN_CONNECT_GAP_MS);
      const step = downAfter(state, 'refused', 0.9999, at);
      expect(timerOf(step.effects)).toBe(Math.max(MIN_CONNECT_GAP_MS, Math.round(ceiling * 0.9999)));
      at += 200_000;
      state = connectionStep(CONFIG, step.state, { type: 'timer', ...trusted }, at, 0).state;
    }
  });

  test('after a long time without an answer, the first refusal begins a count of its own', () => {
    const step = downAfter({ ...connecting(), failures: 25, answered: false, lastDown: 'network' }, 'refused', 0.999);
    expect(step.state.failures).toBe(1);
    expect(timerOf(step.effects)).toBeLessThanOrEqual(2_000);
  });

  test('kicked after every successful connect: the backoff grows to its end, no storm', () => {
    let state = initialConnection();
    let at = 0;
    const waits: number[] = [];
    const step = (event: ConnectionEvent, random = 0.999) => {
      const next = connectionStep(CONFIG, state, event, at, random);
      state = next.state;
      return next;
    };
    at += timerOf(step({ type: 'start', ...trusted }).effects)!;
    for (let round = 0; round < 12; round++) {
      step({ type: 'timer', ...trusted });
      at += 300;
      step({ type: 'up' });
      at += 200;
      const wait = timerOf(step({ type: 'down', reason: 'kicked' }).effects)!;
      waits.push(wait);
      at += wait;
    }
    expect(waits.slice(-3).every((wait) => wait > 120_000)).toBe(true);
    expect([...waits].sort((a, b) => a - b)).toEqual(waits);
  });

  test('somebody else has our client id: a longer backoff, also for a settled link', () => {
    for (const state of [connected(), settled()]) {
      for (const random of [0, 0.999]) {
        const delayMs = timerOf(downAfter(state, 'taken_over', random).effects)!;
        expect(delayMs).toBeGreaterThanOrEqual(TAKEN_OVER_BACKOFF_MS);
        expect(delayMs).toBeLessThanOrEqual(2 * TAKEN_OVER_BACKOFF_MS);
      }
    }
  });
});

describe('the second way', () => {
  const fail = (reason: DownReason, from = connecting(), config = CONFIG) =>
    play(
      [
        [{ type: 'down', reason }, { at: 100_000 }],
        [{ type: 'timer', ...trusted }, { at: 130_000 }],
      ],
      config,
      from,
    );

  test.each(['network', 'closed', 'tls'] as const)('%s twice: the other port, and back after two more', (reason) => {
    const once = fail(reason);
    expect(once.effects[0]).toEqual({ type: 'connect', target: 0 });
    const twice = fail(reason, once.state);
    expect(twice.effects[0]).toEqual({ type: 'connect', target: 1 });
    expect(fail(reason, fail(reason, twice.state).state).effects[0]).toEqual({ type: 'connect', target: 0 });
  });

  test('a refusal proves that the way is open', () => {
    const refused = fail('refused', fail('network').state);
    expect(fail('network', refused.state).effects[0]).toEqual({ type: 'connect', target: 0 });
  });

  test('with one way there is nothing to switch to', () => {
    let state = connecting();
    for (let round = 0; round < 5; round++) {
      const step = fail('network', state, { ...CONFIG, targets: 1 });
      expect(step.effects[0]).toEqual({ type: 'connect', target: 0 });
      state = step.state;
    }
  });

  test('the way that worked is kept', () => {
    const open = play([[{ type: 'up' }, { at: 131_000 }]], CONFIG, { ...connecting(), target: 1 }).state;
    const again = play(
      [
        [{ type: 'down', reason: 'closed' }, { at: 140_000 }],
        [{ type: 'timer', ...trusted }, { at: 170_000 }],
      ],
      CONFIG,
      open,
    );
    expect(again.effects[0]).toEqual({ type: 'connect', target: 1 });
  });
});

describe('every state and every event', () => {
  const STATES: Record<string, ConnectionState> = {
    stopped: initialConnection(),
    'waiting for the clock': play([[{ type: 'start', clockTrusted: false }, { at: 0 }]]).state,
    'waiting, spread': play([[{ type: 'start', ...trusted }, { at: 0 }]]).state,
    connecting: connecting(),
    connected: connected(),
    settled: settled(),
  };
  const EVENTS: Record<string, ConnectionEvent> = {
    start: { type: 'start', ...trusted },
    'start without a clock': { type: 'start', clockTrusted: false },
    stop: { type: 'stop' },
    timer: { type: 'timer', ...trusted },
    'timer without a clock': { type: 'timer', clockTrusted: false },
    up: { type: 'up' },
    down: { type: 'down', reason: 'closed' },
    reconnectNow: { type: 'reconnectNow', ...trusted },
    'reconnectNow without a clock': { type: 'reconnectNow', clockTrusted: false },
  };
  /** Where each leads; a state that is not named keeps its phase and does nothing. */
  const LEADS: Record<string, Partial<Record<string, ConnectionPhase>>> = {
    stopped: { start: 'waiting', 'start without a clock': 'waiting' },
    'waiting for the clock': { stop: 'stopped', timer: 'waiting', 'timer without a clock': 'waiting', reconnectNow: 'waiting' },
    'waiting, spread': { stop: 'stopped', timer: 'connecting', 'timer without a clock': 'waiting', reconnectNow: 'waiting' },
    connecting: {
      stop: 'stopped',
      timer: 'waiting',
      'timer without a clock': 'waiting',
      up: 'connected',
      down: 'waiting',
      reconnectNow: 'waiting',
    },
    connected: { stop: 'stopped', timer: 'connected', 'timer without a clock': 'connected', down: 'waiting', reconnectNow: 'waiting' },
    settled: { stop: 'stopped', timer: 'connected', 'timer without a clock': 'connected', down: 'waiting', reconnectNow: 'waiting' },
  };

  for (const [stateName, state] of Object.entries(STATES)) {
    test.each(Object.keys(EVENTS))(`${stateName}: %s`, (eventName) => {
      const step = connectionStep(CONFIG, state, EVENTS[eventName]!, 100_000, 0.5);
      const leads = LEADS[stateName]![eventName];
      expect(step.state.phase).toBe(leads ?? state.phase);
      if (leads === undefined) expect(step).toEqual({ state, effects: [] });
    });
  }
});

describe('properties', () => {
  const event = fc.oneof(
    { weight: 1, arbitrary: fc.record({ type: fc.constant('start' as const), clockTrusted: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant({ type: 'stop' as const }) },
    { weight: 6, arbitrary: fc.constant({ type: 'due' as const }) },
    { weight: 3, arbitrary: fc.constant({ type: 'up' as const }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('down' as const), reason: fc.constantFrom(...REASONS) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('reconnectNow' as const), clockTrusted: fc.boolean() }) },
  );
  const run = fc.array(
    fc.record({ event, passMs: fc.nat(5_000), random: fc.double({ min: 0, max: 0.999_999, noNaN: true }), clock: fc.boolean() }),
    {
      maxLength: 120,
    },
  );
  const config = fc.record({
    spreadMs: fc.constantFrom(0, 25_000),
    minBackoffMs: fc.constantFrom(100, 2_000),
    targets: fc.constantFrom(1, 2),
  });

  test('never two CONNECTs within 2 s, a timer wherever one is needed, counters and waits within bounds', () => {
    fc.assert(
      fc.property(config, run, (changes, events) => {
        const own = { ...CONFIG, ...changes };
        let state = initialConnection();
        let nowMs = 0;
        let dueMs: number | null = null;
        let lastConnect = Number.NEGATIVE_INFINITY;
        for (const { event: what, passMs, random, clock } of events) {
          let next: ConnectionEvent;
          if (what.type === 'due') {
            if (dueMs === null) continue;
            nowMs = Math.max(nowMs, dueMs);
            dueMs = null;
            next = { type: 'timer', clockTrusted: clock };
          } else {
            // Time passes, but never beyond a timer that has not been served.
            nowMs = dueMs === null ? nowMs + passMs : Math.min(nowMs + passMs, dueMs);
            next = what;
          }
          const step = connectionStep(own, state, next, nowMs, random);
          state = step.state;
          for (const effect of step.effects) {
            if (effect.type === 'cancelTimer') dueMs = null;
            if (effect.type === 'timer') {
              expect(effect.delayMs).toBeGreaterThanOrEqual(0);
              expect(effect.delayMs).toBeLessThanOrEqual(2 * TAKEN_OVER_BACKOFF_MS);
              dueMs = nowMs + effect.delayMs;
            }
            if (effect.type === 'connect') {
              expect(nowMs - lastConnect).toBeGreaterThanOrEqual(MIN_CONNECT_GAP_MS);
              expect(effect.target).toBeLessThan(own.targets);
              lastConnect = nowMs;
            }
          }
          if (state.phase === 'waiting' || state.phase === 'connecting') expect(dueMs).not.toBeNull();
          if (state.phase === 'connected' && !state.settled) expect(dueMs).not.toBeNull();
          if (state.phase === 'stopped') expect(dueMs).toBeNull();
          expect(state.waitReason === null).toBe(state.phase !== 'waiting');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('kicked, refused or cut right after every connect: within an hour, no more connects than the backoff allows', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom<DownReason>('kicked', 'closed', 'unauthorized'), (seed, reason) => {
        const random = createRandom(seed).unit;
        let state = initialConnection();
        let nowMs = 0;
        let connects = 0;
        const take = (event: ConnectionEvent) => {
          const step = connectionStep(CONFIG, state, event, nowMs, random());
          state = step.state;
          return timerOf(step.effects) ?? 0;
        };
        nowMs += take({ type: 'start', ...trusted });
        while (nowMs < 3_600_000) {
          take({ type: 'timer', ...trusted });
          connects++;
          nowMs += 300;
          take({ type: 'up' });
          nowMs += 100;
          nowMs += take({ type: 'down', reason });
        }
        // Full jitter up to 128 s: 64 s on average, 56 an hour, and a few more at the beginning.
        expect(connects).toBeLessThan(120);
      }),
      { numRuns: 200 },
    );
  });
});

test('a process that is started anew alone does not wait for the sake of a fleet', () => {
  const { state, effects } = connectionStep(
    { targets: 1, spreadMs: 25_000, minBackoffMs: 2_000, maxBackoffMs: 128_000, maxUnreachableBackoffMs: 28_000, settleMs: 30_000 },
    initialConnection(),
    { type: 'start', clockTrusted: true, processRestart: true },
    0,
    0.9,
  );
  expect(state.phase).toBe('waiting');
  expect(effects).toEqual([{ type: 'timer', delayMs: 0 }]);
});

describe('an attempt that ended inside the library, before it touched the network', () => {
  const unsent = { type: 'down', reason: 'network', unsent: true } as const;

  test('is made again at once, and counts as no failure', () => {
    const before = connecting(1_000);
    const step = connectionStep(CONFIG, before, unsent, 1_006, 0.5);
    expect(step.effects).toEqual([
      { type: 'connect', target: 0 },
      { type: 'timer', delayMs: CONNECT_DEADLINE_MS },
    ]);
    expect(step.state).toMatchObject({ phase: 'connecting', failures: 0, unanswered: 0, lastDown: null });
  });

  test.each([
    ['the second time in a row', connectionStep(CONFIG, connecting(1_000), unsent, 1_006, 0.5).state, 1_012],
    ['after a name server was waited for', connecting(1_000), 6_000],
  ])('is a failure like any other %s', (_what, state, at) => {
    const step = connectionStep(CONFIG, state, unsent, at, 0.5);
    expect(step.state).toMatchObject({ phase: 'waiting', waitReason: 'backoff', failures: 1, unanswered: 1, lastDown: 'network' });
    expect(timerOf(step.effects)).toBeGreaterThanOrEqual(MIN_CONNECT_GAP_MS);
  });

  test('each attempt of the backoff has its own second try; a session that falls has none', () => {
    let { state } = connectionStep(CONFIG, connecting(0), unsent, 3, 0.5);
    ({ state } = connectionStep(CONFIG, state, { type: 'down', reason: 'network' }, 100, 0.5));
    ({ state } = connectionStep(CONFIG, state, { type: 'timer', ...trusted }, 27_000, 0.5));
    expect(connectionStep(CONFIG, state, unsent, 27_005, 0.5).effects[0]).toMatchObject({ type: 'connect' });
    expect(connectionStep(CONFIG, settled(), unsent, 40_000, 0.5).effects).not.toContainEqual({ type: 'connect', target: 0 });
  });

  test('a whole fleet is back as soon as without it', () => {
    const { maxUnreachableBackoffMs, spreadMs, minBackoffMs, maxBackoffMs, settleMs } = CONFIG;
    const connection = { maxUnreachableBackoffMs, spreadMs, minBackoffMs, maxBackoffMs, settleMs };
    const storm = { kind: 'reset', outageMs: 300_000, agents: 500, limitPerSecond: 25, connection, keepAliveMs: 30_000, seed: 3 } as const;
    const result = runStorm(storm);
    expect(result.unsent).toBeGreaterThan(1_000);
    expect(result.allOnlineMs).toBeLessThan(30_000);
  });
});
