import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ALARM_BURST,
  ALARM_REFILL_MS,
  type AlarmsEvent,
  alarmsStep,
  CLEARED_MS,
  MAX_ALARMS,
  MAX_SHOWN,
  MOMENT_MS,
  NO_ALARMS,
  shownAlarms,
} from '../../../../agent/cloud/alarms/alarm-machine.ts';
import { ALARM_KINDS, type AlarmKind } from '../../../../agent/contract/alarm.ts';

const DAY_MS = 86_400_000;
const START_MS = 1_795_300_000_000;
/** Messages for one kind on its first day. */
const MAX_MESSAGES_A_DAY = ALARM_BURST + DAY_MS / ALARM_REFILL_MS;
const raise = (kind: AlarmKind, node: string | null = null): AlarmsEvent => ({ type: 'raise', kind, node });
const clear = (kind: AlarmKind, node: string | null = null): AlarmsEvent => ({ type: 'clear', kind, node });

/** Plays events at their times; both clocks run alike. */
function play(events: [AlarmsEvent, number][], from = NO_ALARMS) {
  let state = from;
  const steps = events.map(([event, at]) => {
    const step = alarmsStep(state, event, at, at);
    state = step.state;
    return step;
  });
  return { state, last: steps.at(-1)!, urgent: steps.filter((step) => step.urgent).length };
}

describe('arrows', () => {
  test('raised, raised again, cleared, raised again: since stays, until comes and goes', () => {
    const { state } = play([[raise('tamper', 'b/1'), 10]]);
    expect(state.list).toEqual([{ kind: 'tamper', node: 'b/1', since: 10 }]);
    expect(play([[raise('tamper', 'b/1'), 20]], state).last).toMatchObject({ changed: false, urgent: false });
    const gone = play([[clear('tamper', 'b/1'), 30]], state);
    expect(gone.last).toMatchObject({ changed: true, urgent: true });
    expect(gone.state.list).toEqual([{ kind: 'tamper', node: 'b/1', since: 10, until: 30 }]);
    expect(play([[clear('tamper', 'b/1'), 35]], gone.state).last.changed).toBe(false);
    expect(play([[raise('tamper', 'b/1'), 40]], gone.state).state.list).toEqual([{ kind: 'tamper', node: 'b/1', since: 10 }]);
  });

  test('clearing what never stood is nothing; another node or kind is another alarm', () => {
    expect(play([[clear('tamper', 'b/1'), 1]]).last).toMatchObject({ changed: false, state: NO_ALARMS });
    expect(
      play([
        [raise('tamper', 'b/1'), 1],
        [raise('tamper', 'b/2'), 2],
        [raise('security_lost', 'b/1'), 3],
      ]).state.list,
    ).toHaveLength(3);
  });

  test('what is gone leaves after a day, a moment after a week, what stands never', () => {
    const { state } = play([
      [raise('tamper', 'b/1'), 0],
      [clear('tamper', 'b/1'), 0],
      [raise('local_change'), 0],
      [raise('security_lost', 'b/1'), 0],
    ]);
    const kindsAt = (at: number) => play([[{ type: 'prune' }, at]], state).state.list.map(({ kind }) => kind);
    expect(kindsAt(CLEARED_MS)).toEqual(['tamper', 'local_change', 'security_lost']);
    expect(kindsAt(CLEARED_MS + 1)).toEqual(['local_change', 'security_lost']);
    expect(kindsAt(MOMENT_MS + 1)).toEqual(['security_lost']);
    expect(play([[{ type: 'prune' }, 1]], state).last.changed).toBe(false);
  });

  test.each([-50, -1, 0, 1, 50])(
    'what is gone leaves after a day, a moment after a week, also when the clock was wrong by %i years then',
    (years) => {
      const wrong = START_MS + years * 365 * DAY_MS;
      let state = NO_ALARMS;
      const at = (nowMs: number, wallMs: number, event: AlarmsEvent = { type: 'prune' }) => {
        state = alarmsStep(state, event, nowMs, wallMs).state;
        return state.list.map(({ kind }) => kind);
      };
      at(0, wrong, raise('tamper', 'b/1'));
      at(0, wrong, clear('tamper', 'b/1'));
      at(0, wrong, raise('security_lost', 'b/1'));
      at(0, wrong, raise('local_change'));
      // As they come from the disk after a restart: how long they were held is counted anew.
      state = { ...NO_ALARMS, list: state.list };
      const kinds = at(1, START_MS);
      if (years >= 0) expect(kinds).toEqual(['tamper', 'security_lost', 'local_change']);
      expect(at(CLEARED_MS + 2, START_MS + CLEARED_MS + 2)).not.toContain('tamper');
      expect(at(MOMENT_MS + 2, START_MS + MOMENT_MS + 2)).toEqual(['security_lost']);
    },
  );

  test('what is raised again is held anew', () => {
    const { state } = play([
      [raise('taken_over'), 0],
      [raise('taken_over'), MOMENT_MS],
    ]);
    expect(alarmsStep(state, { type: 'prune' }, MOMENT_MS + 1, 0).state.list).toHaveLength(1);
  });

  test('a moment that comes again shows its last time', () => {
    expect(
      play([
        [raise('taken_over'), 10],
        [raise('taken_over'), 20],
      ]).state.list,
    ).toEqual([{ kind: 'taken_over', node: null, since: 20 }]);
  });
});

describe('what it costs', () => {
  test('a device that flaps as fast as it can, for a week: the stated number of messages, and no other kind is held up', () => {
    let state = NO_ALARMS;
    const perDay: number[] = [];
    for (let day = 0; day < 7; day++) {
      let count = 0;
      for (let at = day * DAY_MS; at < (day + 1) * DAY_MS; at += 10_000) {
        const step = alarmsStep(state, (at / 10_000) % 2 === 0 ? raise('tamper', 'b/1') : clear('tamper', 'b/1'), at, at);
        state = step.state;
        if (step.urgent) count += 1;
      }
      perDay.push(count);
    }
    expect(MAX_MESSAGES_A_DAY).toBe(16);
    expect(perDay[0]).toBeLessThanOrEqual(MAX_MESSAGES_A_DAY);
    for (const count of perDay.slice(1)) expect(count).toBeLessThanOrEqual(DAY_MS / ALARM_REFILL_MS);
    expect(alarmsStep(state, raise('taken_over'), 7 * DAY_MS, 7 * DAY_MS).urgent).toBe(true);
  });

  test('any source, any order, any clock: bounded list, one entry a cause, at most the stated messages a day', () => {
    const event = fc.oneof(
      fc.record({
        type: fc.constantFrom('raise' as const, 'clear' as const),
        kind: fc.constantFrom(...ALARM_KINDS),
        node: fc.option(
          fc.nat(60).map((address) => `bus/${address}`),
          { nil: null },
        ),
      }),
      fc.constant({ type: 'prune' as const }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(event, fc.nat(400_000), fc.integer({ min: -10 * DAY_MS, max: 10 * DAY_MS })), { maxLength: 400 }),
        (events) => {
          let state = NO_ALARMS;
          let nowMs = 0;
          const urgent: { at: number; kind: AlarmKind }[] = [];
          for (const [what, passMs, jumpMs] of events) {
            nowMs += passMs;
            const step = alarmsStep(state, what, nowMs, 1_795_300_000_000 + nowMs + jumpMs);
            state = step.state;
            if (step.urgent && what.type !== 'prune') urgent.push({ at: nowMs, kind: what.kind });
            expect(state.list.length).toBeLessThanOrEqual(MAX_ALARMS);
            expect(new Set(state.list.map(({ kind, node }) => `${kind} ${node}`)).size).toBe(state.list.length);
          }
          for (const { at, kind } of urgent) {
            expect(urgent.filter((other) => other.kind === kind && other.at >= at && other.at < at + DAY_MS).length).toBeLessThanOrEqual(
              MAX_MESSAGES_A_DAY,
            );
          }
          const shown = shownAlarms(state.list);
          expect(shown.length).toBe(Math.min(MAX_SHOWN, state.list.length));
          expect(Buffer.byteLength(JSON.stringify(shown))).toBeLessThanOrEqual(1024);
          expect(new Set(shown.map(({ kind }) => kind))).toEqual(new Set(state.list.map(({ kind }) => kind)));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('what is shown', () => {
  test('the oldest is dropped last, and each kind has one: a flood of one hides no other', () => {
    const flood = Array.from({ length: 40 }, (_, index): [AlarmsEvent, number] => [raise('tamper', `b/${index}`), index]);
    const { state } = play([...flood, [raise('taken_over'), 100], [raise('security_lost', 'b/7'), 101]]);
    const shown = shownAlarms(state.list);
    expect(shown.map(({ kind, node }) => `${kind} ${node}`)).toEqual([
      ...[0, 1, 2, 3, 4, 5].map((index) => `tamper b/${index}`),
      'taken_over null',
      'security_lost b/7',
    ]);
  });

  test('a full memory takes a new kind all the same, and lets go of what is gone first', () => {
    const full = play(
      Array.from({ length: MAX_ALARMS }, (_, index): [AlarmsEvent, number] => [raise('tamper', `b/${index}`), index]),
    ).state;
    expect(play([[raise('tamper', 'b/new'), 999]], full).last.changed).toBe(false);
    const taken = play([[raise('taken_over'), 999]], full).state.list;
    expect([taken.length, taken[0]!.node, taken.at(-1)!.kind]).toEqual([MAX_ALARMS, 'b/0', 'taken_over']);
    const room = play(
      [
        [clear('tamper', 'b/3'), 999],
        [raise('tamper', 'b/new'), 1_000],
      ],
      full,
    ).state.list;
    expect(room.some(({ node }) => node === 'b/3')).toBe(false);
    expect(room.at(-1)!.node).toBe('b/new');
  });

  test('the burst is there at once, and comes back', () => {
    const burst = Array.from({ length: 10 }, (_, index): [AlarmsEvent, number] => [raise('local_change'), index]);
    const { urgent, state } = play(burst);
    expect(urgent).toBe(ALARM_BURST);
    expect(play([[raise('local_change'), ALARM_REFILL_MS + 10]], state).last.urgent).toBe(true);
  });
});
