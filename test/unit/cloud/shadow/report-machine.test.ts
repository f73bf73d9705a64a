import { describe, expect, test } from 'vitest';
import { reportStep } from '../../../../agent/cloud/shadow/report-machine.ts';
import {
  COMPARE_MS,
  COMPARE_RETRY_MS,
  dueMs,
  GREET_MS,
  MAX_FIRST_RETRY_MS,
  MAX_RETRY_MS,
  MAX_THROTTLED_RETRY_MS,
  MIN_COMPARE_INTERVAL_MS,
  OFFLINE_SETTLES_SECONDS,
  REASSURE_MS,
  type ReportState,
  ROOMY_BYTES,
} from '../../../../agent/cloud/shadow/report-state.ts';
import {
  answered,
  attach,
  CONFIG,
  confirmed,
  failed,
  greeted,
  inFlight,
  known,
  NODES,
  noLink,
  play,
  reading,
  refused,
  reportedBy,
  sent,
  set,
  step,
  tick,
  unread,
  view,
  WALL,
  wordsOf,
} from './model/report-states.ts';

describe('a session begins', () => {
  test('with a link the shadow is asked for, and nothing is said before it is known', () => {
    const { state, effects } = step(noLink, attach, 0);
    expect(effects).toEqual([{ type: 'read' }]);
    expect(state).toMatchObject({ session: 's1', greeting: null, greeted: false, held: null, forced: true, unconfirmedSinceMs: 0 });
    expect(state).toMatchObject({ readDueMs: 2_000, reassureDueMs: GREET_MS });
  });

  test('the first report goes with the picture, and is the only one', () => {
    const first = step(reading, view(5, { online: false, session: 's0' }), 40);
    expect(reportedBy(first.effects)).toMatchObject({ online: true, session: 's1', hubId: 'h' });
    const { state, effects } = step(first.state, answered(1, 6), 80);
    expect(effects).toEqual([{ type: 'accepted', version: 6 }]);
    expect(state).toMatchObject({ greeted: true, forced: false, reassureDueMs: null, reportDueMs: 80 + CONFIG.heartbeatMs });
    expect(dueMs(state)).toBe(80 + CONFIG.heartbeatMs);
  });

  test.each([
    ['an older session is shown online: its offline may come late', { online: true, session: 's0' }, 3_600, 40 + REASSURE_MS],
    ['it has been shown offline for a short time: the rule may do that twice', { online: false, session: 's0' }, 59, 40 + REASSURE_MS],
    ['nobody knows for how long', { online: false, session: 's0' }, null, 40 + REASSURE_MS],
    ['an older session has long been shown offline', { online: false, session: 's0' }, OFFLINE_SETTLES_SECONDS, null],
    ['none was ever shown', {}, null, null],
  ])('it says once more that it is here, or does not: %s', (_what, reported, ageSeconds, dueAt) => {
    expect(step(reading, view(5, reported, 100, ageSeconds), 40).state.reassureDueMs).toBe(dueAt);
  });

  test('a picture from after its own first word decides nothing about the word after it', () => {
    const spoken = step(reading, tick, GREET_MS).state;
    expect(step(spoken, view(5, { online: false, session: 's0' }), 2_100).state.reassureDueMs).toBe(GREET_MS + REASSURE_MS);
    const lost = play(reading, [view(5, { online: true, session: 's0' }), 40], [failed(1, 'cloud_timeout'), 5_040]).state;
    expect(step(lost, view(6, { online: true, session: 's1' }), 5_100).state.reassureDueMs).toBe(40 + REASSURE_MS);
  });

  test('a read that is not answered does not keep the hub offline: it greets without a picture', () => {
    const { state, effects } = step({ ...reading, readDueMs: 9_000 }, tick, GREET_MS);
    expect(effects).toEqual([{ type: 'send', op: 1, update: { reported: { online: true, session: 's1', lastSeen: WALL + GREET_MS } } }]);
    expect(state).toMatchObject({ greeting: 1, greeted: false, reassureDueMs: GREET_MS + REASSURE_MS });
  });

  test('where the account is at its limit the greeting waits with the read', () => {
    const { state, effects } = step(reading, { type: 'throttled', pauseMs: 30_000 }, 100);
    expect(effects).toEqual([]);
    expect(state).toMatchObject({ lastFailure: 'shadow_throttled', reassureDueMs: 30_100 + GREET_MS });
    expect(dueMs(state)).toBeGreaterThan(30_100);
  });

  test('the first heartbeat of a session comes early by chance, the later ones do not', () => {
    const at = (random: number) => reportStep(CONFIG, noLink, attach, { nowMs: 0, wallMs: WALL, uptimeSeconds: 0, random }).state;
    const begun = play(at(0), [view(5), 40], [answered(1, 6), 80]).state;
    expect(begun.reportDueMs).toBe(80 + CONFIG.heartbeatMs / 2);
    const beat = play(begun, [tick, begun.reportDueMs!], [answered(2, 7), begun.reportDueMs! + 40]);
    expect(beat.state.reportDueMs).toBe(begun.reportDueMs! + 40 + CONFIG.heartbeatMs);
  });

  test('a new link forgets the failures, the picture and the goodbye of the old one', () => {
    const old = { ...refused, squeeze: 2, leaving: true };
    expect(step(old, { type: 'attach', session: 's2' }, 9_000).state).toMatchObject({
      session: 's2',
      failures: 0,
      squeeze: 0,
      leaving: false,
      held: null,
      version: null,
      greeted: false,
      lastFailure: null,
      unconfirmedSinceMs: 9_000,
    });
  });

  test('the accepted greeting shows the hub online', () => {
    const { state, effects } = step(unread, answered(1, 5), 100);
    expect(effects).toEqual([{ type: 'accepted', version: 5 }]);
    expect(state).toMatchObject({ greeting: null, greeted: true, version: null });
  });

  test('a greeting that fails is logged and left to the first report', () => {
    const { state, effects } = step(unread, failed(1, 'cloud_refused'), 100);
    expect(wordsOf(effects)).toEqual(['greeting_failed']);
    expect(state).toMatchObject({ greeting: null, greeted: false, forced: true, lastFailure: 'cloud_refused' });
  });

  test('a greeting that is answered after the read counts in the known version', () => {
    const late = (version: number) => play(unread, [view(5), 200], [answered(1, version), 300]);
    expect(late(6).state.version).toBe(6);
    expect(wordsOf(late(6).effects)).toEqual(['accepted']);
    expect(wordsOf(late(7).effects)).toEqual(['shadow_changed_by_others', 'accepted']);
  });

  test('the picture makes the first report due a second after the greeting, and the next comparison a day later', () => {
    const { state, effects } = step(greeted, view(5, { online: true }), 200);
    expect(effects).toEqual([]);
    expect(state).toMatchObject({ held: { online: true }, version: 5, reportDueMs: 1_000, readDueMs: 200 + COMPARE_MS, lastViewMs: 200 });
    expect(dueMs(state)).toBe(1_000);
  });

  test('the first report carries the whole document', () => {
    const { state, effects } = step(known, tick, 1_000);
    const reported = { online: true, session: 's1', lastSeen: WALL + 1_000, uptimeSeconds: 1, ...CONFIG.identity };
    expect(effects).toEqual([{ type: 'send', op: 2, update: { reported } }]);
    expect(state).toMatchObject({
      forced: false,
      lastSentMs: 1_000,
      inFlight: { op: 2, for: null, base: 5, forced: true, onlyUnconfirmed: false },
    });
  });

  test('a read that is not answered is asked for again, with growing pauses of at most ten seconds until the hub is shown online', () => {
    let state: ReportState = { ...unread, reassureDueMs: null };
    const pauses: number[] = [];
    for (let round = 0; round < 5; round++) {
      const at = state.readDueMs!;
      const next = step(state, tick, at);
      expect(wordsOf(next.effects)).toEqual(['read']);
      pauses.push(next.state.readDueMs! - at);
      state = next.state;
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, MAX_FIRST_RETRY_MS, MAX_FIRST_RETRY_MS]);
  });

  test('ten seconds after a birth the hub says again that it is online, whatever an old session has written meanwhile', () => {
    const { state, effects } = step(confirmed, tick, REASSURE_MS);
    expect(reportedBy(effects)).toMatchObject({ online: true, session: 's1' });
    expect(state.reassureDueMs).toBeNull();
  });

  test('without a picture it greets again every ten seconds', () => {
    const { state, effects } = step({ ...greeted, readDueMs: null }, tick, REASSURE_MS);
    expect(sent(effects)[0]?.update.reported).toMatchObject({ online: true });
    expect(state.reassureDueMs).toBe(2 * REASSURE_MS);
  });
});

describe('reports', () => {
  test('an accepted report confirms the state and waits for the heartbeat', () => {
    const { state, effects } = step(inFlight, answered(2, 6), 1_100);
    expect(effects).toEqual([{ type: 'accepted', version: 6 }]);
    expect(state).toMatchObject({ inFlight: null, version: 6, unconfirmedSinceMs: null, confirmedAtMs: WALL + 1_100, failures: 0 });
    expect(state).toMatchObject({ held: { hubId: 'h', online: true }, reportDueMs: 1_100 + CONFIG.heartbeatMs });
  });

  test('an answer to another update than the one in flight says nothing', () => {
    expect(step(inFlight, answered(99, 6), 1_100)).toEqual({ state: inFlight, effects: [] });
    expect(step(inFlight, failed(99, 'cloud_timeout'), 1_100)).toEqual({ state: inFlight, effects: [] });
  });

  test('a change is reported alone with the presence, at once when a second has passed', () => {
    const { effects } = step(confirmed, set(2), 3_000);
    expect(reportedBy(effects)).toEqual({ nodes: NODES, online: true, session: 's1', lastSeen: WALL + 3_000, uptimeSeconds: 3 });
  });

  test('a change within a second of the last update waits for that second', () => {
    const { state, effects } = step(confirmed, set(2), 1_500);
    expect(effects).toEqual([]);
    expect(state.reportDueMs).toBe(2_000);
  });

  test('a quiet change causes no report, and goes with the heartbeat', () => {
    const quiet = step(confirmed, set(2, true), 3_000);
    expect(quiet.effects).toEqual([]);
    expect(quiet.state).toEqual({ ...confirmed, sections: { nodes: NODES }, quiet: ['nodes'] });
    const beat = step({ ...quiet.state, reassureDueMs: null }, tick, quiet.state.reportDueMs!);
    expect(reportedBy(beat.effects)).toMatchObject({ nodes: NODES, hubId: 'h' });
    expect(beat.state.quiet).toEqual([]);
  });

  test('a quiet change that is set aloud is reported', () => {
    expect(reportedBy(play(confirmed, [set(2, true), 3_000], [set(3), 3_000]).effects)).toMatchObject({ nodes: { total: 3 } });
  });

  test('a change to what the shadow holds already sends nothing and confirms', () => {
    const state = play(confirmed, [set(2), 3_000], [answered(3, 7), 3_100]).state;
    const same = step(state, set(2), 5_000);
    expect(same.effects).toEqual([]);
    expect(same.state).toMatchObject({ confirmedAtMs: WALL + 5_000, reportDueMs: 3_100 + CONFIG.heartbeatMs });
  });

  test('the last will was published for us: the hub reports online again at once, even if nothing differs', () => {
    const { state, effects } = step(confirmed, { type: 'refresh' }, 3_000);
    expect(reportedBy(effects)).toMatchObject({ online: true, session: 's1' });
    expect(state).toMatchObject({ greeted: false, reassureDueMs: 3_000 + REASSURE_MS });
  });

  test('shown offline before the picture is known: it greets and reads again', () => {
    expect(wordsOf(step(greeted, { type: 'refresh' }, 3_000).effects)).toEqual(['send', 'read']);
  });

  test('shown offline after many refusals: it does not wait for the long pause', () => {
    const { effects } = step({ ...refused, failures: 9, reportDueMs: 300_000 }, { type: 'refresh' }, 3_000);
    expect(reportedBy(effects)).toMatchObject({ online: true });
  });
});

describe('a report that fails', () => {
  test.each(['shadow_throttled', 'cloud_refused', 'shadow_too_large'] as const)(
    '%s: the picture stays, the report is repeated after a pause',
    (code) => {
      const { state, effects } = step(inFlight, failed(2, code), 1_100);
      expect(wordsOf(effects)).toEqual(['report_failed']);
      expect(state).toMatchObject({ inFlight: null, version: 5, forced: true, failures: 1, lastFailure: code, reportDueMs: 3_100 });
      expect(reportedBy(step(state, tick, 3_100).effects)).toMatchObject({ online: true, hubId: 'h' });
    },
  );

  test('a change does not shorten the pause', () => {
    const { state, effects } = step(refused, set(2), 2_900);
    expect(effects).toEqual([]);
    expect(state.reportDueMs).toBe(3_100);
  });

  test.each([
    ['before the first report is taken, at most ten seconds', 'cloud_refused', false, MAX_FIRST_RETRY_MS],
    ['where the account is at its limit, at most a minute', 'shadow_throttled', false, MAX_THROTTLED_RETRY_MS],
    ['afterwards, at most five minutes', 'cloud_refused', true, MAX_RETRY_MS],
  ] as const)('the pauses double: %s', (_what, code, isGreeted, longest) => {
    const pauseAfter = (failures: number) =>
      step({ ...inFlight, greeted: isGreeted, failures }, failed(2, code), 1_000).state.reportDueMs! - 1_000;
    expect([0, 1, 2, 20].map(pauseAfter)).toEqual([2_000, 4_000, 8_000, longest]);
  });

  test('between half and all of a pause is waited', () => {
    const moment = { nowMs: 1_100, wallMs: WALL, uptimeSeconds: 1 };
    const due = (random: number) => reportStep(CONFIG, inFlight, failed(2, 'cloud_refused'), { ...moment, random }).state.reportDueMs;
    expect([due(0), due(0.5)]).toEqual([2_100, 2_600]);
  });

  test('a time-out leaves the outcome unknown: the picture is dropped and read again', () => {
    const { state, effects } = step(inFlight, failed(2, 'cloud_timeout'), 6_000);
    expect(wordsOf(effects)).toEqual(['read', 'report_failed']);
    expect(state).toMatchObject({ held: null, version: null, forced: true, failures: 1, lastFailure: 'cloud_timeout' });
    expect(play(state, [view(6), 6_100]).state).toMatchObject({ version: 6, failures: 0 });
  });

  test('413: each refusal leaves out more, up to the third stage; a roomy shadow brings everything back', () => {
    const stages: number[] = [];
    let state: ReportState = { ...inFlight, sections: { nodes: NODES } };
    for (let round = 0; round < 4; round++) {
      ({ state } = step(state, failed(state.inFlight!.op, 'shadow_too_large'), 1_100));
      stages.push(state.squeeze);
      ({ state } = step(state, tick, state.reportDueMs!));
    }
    expect(stages).toEqual([1, 2, 3, 3]);
    expect(state.inFlight!.patch).not.toHaveProperty('nodes');
    expect(step(state, view(9, {}, ROOMY_BYTES + 1), 50_000).state.squeeze).toBe(3);
    expect(step(state, view(9, {}, ROOMY_BYTES), 50_000).state.squeeze).toBe(0);
  });
});

describe('other writers', () => {
  test('a delta of the next version is no reason to read', () => {
    expect(step(confirmed, { type: 'heard', version: 7 }, 3_000)).toEqual({ state: { ...confirmed, version: 7 }, effects: [] });
  });

  test('a delta that skips a version makes the shadow be read, at most once a minute', () => {
    const { state, effects } = step(confirmed, { type: 'heard', version: 8 }, 3_000);
    expect(wordsOf(effects)).toEqual(['shadow_changed_by_others']);
    expect(state).toMatchObject({ version: 8, readDueMs: 200 + MIN_COMPARE_INTERVAL_MS });
    expect(step(state, { type: 'heard', version: 12 }, 3_000).effects).toEqual([]);
    const read = step({ ...state, reassureDueMs: null }, tick, state.readDueMs!);
    expect(wordsOf(read.effects)).toEqual(['read']);
    expect(read.state.readDueMs).toBe(state.readDueMs! + COMPARE_RETRY_MS);
  });

  test('while an update is in flight, its own version may be missing', () => {
    expect(step(inFlight, { type: 'heard', version: 7 }, 1_050).effects).toEqual([]);
    expect(wordsOf(step(inFlight, { type: 'heard', version: 8 }, 1_050).effects)).toEqual(['shadow_changed_by_others']);
  });

  test('an answer whose version is not the next one makes the shadow be read', () => {
    const { state, effects } = step(inFlight, answered(2, 7), 1_100);
    expect(wordsOf(effects)).toEqual(['shadow_changed_by_others', 'accepted']);
    expect(state).toMatchObject({ version: 7, readDueMs: 200 + MIN_COMPARE_INTERVAL_MS });
  });

  test('an answer of a lower version: the shadow was deleted, its version counts anew and it is read', () => {
    const { state, effects } = step(inFlight, answered(2, 1), 1_100);
    expect(wordsOf(effects)).toEqual(['shadow_changed_by_others', 'accepted']);
    expect(state.version).toBe(1);
  });

  test('a picture that is newer than the update in flight is not overwritten by it', () => {
    const heldAfter = (version: number) => play(inFlight, [view(version, { online: false }), 1_050], [answered(2, 6), 1_100]).state.held;
    expect(heldAfter(5)).toMatchObject({ online: true });
    expect(heldAfter(7)).toEqual({ online: false });
  });
});
