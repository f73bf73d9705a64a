import { describe, expect, test } from 'vitest';
import { dueMs, GREETING_MS } from '../../../../agent/cloud/shadow/report-state.ts';
import {
  answered,
  CLEAR,
  clearInFlight,
  commandInFlight,
  confirmed,
  failed,
  farewellInFlight,
  greeted,
  job,
  LAST,
  leavingUngreeted,
  play,
  REPORT,
  reportedBy,
  sent,
  set,
  step,
  tick,
  view,
  WALL,
  WITHOUT_RESULT,
  wordsOf,
} from './model/report-states.ts';

describe('commands', () => {
  test('an answer is reported at once, beside the pace of the reports', () => {
    const { state, effects } = step(confirmed, job(REPORT), 1_101);
    expect(reportedBy(effects)).toMatchObject({ lastCommand: LAST, online: true });
    expect(state).toMatchObject({ queue: [], inFlight: { for: REPORT } });
    expect(wordsOf(step(state, answered(3, 7), 1_200).effects)).toEqual(['accepted', 'settle ok']);
  });

  test('an answer that the shadow holds already is done without an update', () => {
    const done = step(commandInFlight, answered(3, 7), 2_100).state;
    expect(step(done, job({ ...REPORT, id: 9 }), 3_000).effects).toEqual([{ type: 'settle', job: 9, version: null, error: null }]);
  });

  test('without a picture it waits in the queue, and goes as soon as the picture is there', () => {
    const waiting = step(greeted, job(REPORT), 150);
    expect(waiting.effects).toEqual([]);
    expect(waiting.state.queue).toEqual([REPORT]);
    expect(reportedBy(step(waiting.state, view(5), 200).effects)).toMatchObject({ lastCommand: LAST });
  });

  test('two commands are answered one after the other', () => {
    const { state, effects } = step(commandInFlight, job(CLEAR), 2_050);
    expect(effects).toEqual([]);
    expect(wordsOf(step(state, answered(3, 7), 2_100).effects)).toEqual(['accepted', 'settle ok', 'send']);
  });

  test('a clear takes the command out of desired on the condition of its version, and says what became of it', () => {
    const { effects } = step(confirmed, job(CLEAR), 2_000);
    expect(sent(effects)[0]!.update).toMatchObject({ desired: { command: null, args: null }, version: 6, reported: { lastCommand: LAST } });
    const done = step(clearInFlight, answered(3, 7), 2_100);
    expect(done.effects).toContainEqual({ type: 'settle', job: 8, version: 7, error: null });
    expect(done.state.sections.lastCommand).toEqual(LAST);
  });

  test('a clear without an answer says nothing of the reported state', () => {
    const { state, effects } = step(confirmed, job({ type: 'clear', id: 8, version: 6, lastCommand: null }), 2_000);
    expect(sent(effects)[0]!.update).toEqual({ desired: { command: null, args: null }, version: 6 });
    expect(step(state, answered(3, 7), 2_100).state).toMatchObject({ unconfirmedSinceMs: null, confirmedAtMs: confirmed.confirmedAtMs });
  });

  test('a clear that came too late ends with its conflict and leaves the last command as it was', () => {
    const { state, effects } = step(clearInFlight, failed(3, 'shadow_conflict'), 2_100);
    expect(wordsOf(effects)).toEqual(['settle shadow_conflict']);
    expect(state.sections.lastCommand).toBeUndefined();
  });

  test('413: an answer is sent again without its result', () => {
    const { effects } = step(commandInFlight, failed(3, 'shadow_too_large'), 2_100);
    expect(reportedBy(effects)).toEqual(expect.objectContaining({ lastCommand: WITHOUT_RESULT }));
  });

  test('413: a clear is sent again without any answer, and ends when that is too large as well', () => {
    const again = step(clearInFlight, failed(3, 'shadow_too_large'), 2_100);
    expect(sent(again.effects)[0]!.update).toEqual({ desired: { command: null, args: null }, version: 6 });
    expect(wordsOf(step(again.state, failed(4, 'shadow_too_large'), 2_200).effects)).toEqual(['settle shadow_too_large']);
  });
});

describe('a session ends', () => {
  test('the fall of the link ends every command and the goodbye', () => {
    const full = play(commandInFlight, [job(CLEAR), 2_050], [{ type: 'goodbye' }, 2_060]).state;
    const { state, effects } = step(full, { type: 'detach' }, 2_100);
    expect(wordsOf(effects)).toEqual(['settle cloud_disconnected', 'settle cloud_disconnected', 'farewell cloud_disconnected']);
    expect(state).toMatchObject({ session: null, held: null, queue: [], inFlight: null, greeting: null, farewell: null });
    expect(dueMs(state)).toBeNull();
  });

  test('a goodbye reports offline and ends with its answer, or with its error', () => {
    const { state, effects } = step(confirmed, { type: 'goodbye' }, 2_000);
    expect(reportedBy(effects)).toMatchObject({ online: false, session: 's1' });
    expect(wordsOf(step(state, answered(3, 7), 2_100).effects)).toEqual(['accepted', 'farewell ok']);
    expect(wordsOf(step(state, failed(3, 'cloud_timeout'), 2_100).effects)).toEqual(['farewell cloud_timeout']);
  });

  test('a goodbye waits for the answer to the greeting, for half a second at most', () => {
    expect(dueMs(leavingUngreeted)).toBe(50 + GREETING_MS);
    for (const [event, at] of [
      [answered(1, 5), 100],
      [failed(1, 'cloud_refused'), 100],
      [tick, 50 + GREETING_MS],
    ] as const)
      expect(reportedBy(step(leavingUngreeted, event, at).effects)).toEqual({ online: false, session: 's1', lastSeen: WALL + at });
    expect(step(leavingUngreeted, tick, 49 + GREETING_MS).effects).toEqual([]);
  });

  test('a goodbye follows the update in flight and the commands that wait', () => {
    const busy = play(commandInFlight, [job(CLEAR), 2_050], [{ type: 'goodbye' }, 2_060]).state;
    const clear = step(busy, answered(3, 7), 2_100);
    expect(sent(clear.effects)[0]!.update).toHaveProperty('desired');
    expect(reportedBy(step(clear.state, answered(4, 8), 2_200).effects)).toMatchObject({ online: false });
  });

  test('after the goodbye no change, no delta and no picture makes a report or a read', () => {
    const gone = step(farewellInFlight, answered(3, 7), 2_100).state;
    for (const event of [set(5), view(9), { type: 'refresh' } as const, { type: 'heard', version: 20 } as const, tick]) {
      const { state, effects } = step(gone, event, 5_000_000);
      expect(effects).toEqual([]);
      expect(dueMs(state)).toBeNull();
    }
  });
});
