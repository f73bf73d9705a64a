import { describe, expect, test } from 'vitest';
import { MIN_REPORT_INTERVAL_MS } from '../../../../agent/cloud/shadow/report-state.ts';
import { createReporter, type Reporter } from '../../../../agent/cloud/shadow/reporter.ts';
import type { LastCommand, ShadowUpdate, ShadowView } from '../../../../agent/contract/shadow.ts';
import { type ErrorCode, HubError } from '../../../../agent/system/errors.ts';
import { createSteppedClock, settled } from '../../../support/stepped-clock.ts';
import { createFakeLog } from '../../nodes/fakes.ts';

const IDENTITY = { hubId: 'h', serial: 's', model: 'm', vendorName: 'v', version: '1.0.0' };
const HEARTBEAT_MS = 900_000;
const ANSWER: LastCommand = { id: 'c1', command: 'get_nodes', status: 'SUCCEEDED', receivedAt: 1, finishedAt: 2, resultTopic: 't' };

const view = (reported: Record<string, unknown>): ShadowView => ({
  source: 'read',
  version: 1,
  timestampSeconds: 1,
  desired: {},
  desiredMetadata: {},
  reported,
});

function make() {
  const clock = createSteppedClock();
  const wall = { offsetMs: 1_795_300_000_000 };
  const log = createFakeLog();
  const updates: ShadowUpdate[] = [];
  const times: number[] = [];
  const versions: number[] = [];
  const world = { reads: 0, answer: (): Promise<number> => Promise.resolve(updates.length), inFlight: 0, mostInFlight: 0 };
  const reporter: Reporter = createReporter({
    identity: IDENTITY,
    uptimeSeconds: () => clock.nowMs() / 1000,
    wallClock: { nowMs: () => wall.offsetMs + clock.nowMs() },
    clock,
    entropy: { unit: () => 1 },
    heartbeatMs: HEARTBEAT_MS,
    log,
    requestRead: () => {
      world.reads++;
    },
    onUpdated: (version) => versions.push(version),
  });
  const writer = () => ({
    async updateShadow(update: ShadowUpdate) {
      updates.push(update);
      times.push(clock.nowMs());
      world.inFlight++;
      world.mostInFlight = Math.max(world.mostInFlight, world.inFlight);
      try {
        return await world.answer();
      } finally {
        world.inFlight--;
      }
    },
  });
  return {
    clock,
    wall,
    log,
    updates,
    times,
    versions,
    world,
    reporter,
    /** A link with its shadow read; the first report is out, and nothing comes after it. */
    async online(reported: Record<string, unknown> = {}) {
      reporter.attach(writer(), 'session-1');
      reporter.known(view(reported));
      await clock.advance(MIN_REPORT_INTERVAL_MS);
      expect(updates.length).toBe(1);
      await clock.advance(11_000);
      expect(updates.length).toBe(1);
      updates.length = 0;
      times.length = 0;
    },
    attach: (session: string) => reporter.attach(writer(), session),
    goodbye: (session = 'session-1') => reporter.goodbye(writer(), session),
    fail: (code: ErrorCode) => {
      world.answer = () => Promise.reject(new HubError(code, code));
    },
    work: () => {
      world.answer = () => Promise.resolve(1);
    },
  };
}

describe('what is sent', () => {
  test('nothing before the shadow was read; then the whole truth at once, and what is stale is taken out', async () => {
    const { reporter, attach, clock, updates, world } = make();
    reporter.set({ nodes: { total: 2, available: 2, scanComplete: true } });
    attach('session-1');
    await clock.advance(1);
    expect(world.reads).toBe(1);
    expect(updates).toEqual([]);
    reporter.set({ wifi: undefined as never });
    reporter.known(view({ online: false, session: 'old', wifi: { ssid: 'old' }, foreign: 1, lastCommand: { id: 'before' } }));
    expect(updates).toHaveLength(1);
    expect(updates[0]!.reported).toMatchObject({ online: true, session: 'session-1', ...IDENTITY, wifi: null, nodes: { total: 2 } });
    // Of others, and of the process before: untouched.
    expect(updates[0]!.reported).not.toHaveProperty('foreign');
    expect(updates[0]!.reported).not.toHaveProperty('lastCommand');
  });

  test('afterwards only what differs from the last acknowledged, with online and session', async () => {
    const { reporter, online, clock, updates } = make();
    await online();
    reporter.set({ nodes: { total: 2, available: 1, scanComplete: false } });
    await clock.advance(0);
    reporter.set({ nodes: { total: 2, available: 2, scanComplete: false } });
    await clock.advance(MIN_REPORT_INTERVAL_MS);
    expect(updates.map(({ reported }) => reported)).toMatchObject([{ nodes: { total: 2, available: 1 } }, { nodes: { available: 2 } }]);
    expect(Object.keys(updates[1]!.reported!.nodes as object)).toEqual(['available']);
    expect(Object.keys(updates[1]!.reported!).sort()).toEqual(['lastSeen', 'nodes', 'online', 'session', 'uptimeSeconds']);
  });

  test('a wall clock that jumps, also backwards to 1970, changes nothing but timestamps', async () => {
    const { reporter, online, clock, wall, updates, times } = make();
    await online();
    const start = clock.nowMs();
    wall.offsetMs = 0;
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(HEARTBEAT_MS + 10_000);
    wall.offsetMs = 4_000_000_000_000;
    await clock.advance(HEARTBEAT_MS);
    const due = [start, start + HEARTBEAT_MS, start + 2 * HEARTBEAT_MS];
    expect(times).toEqual(due);
    expect(updates.map(({ reported }) => reported!.lastSeen)).toEqual([due[0], due[1], 4_000_000_000_000 + due[2]!]);
  });
});

describe('how often', () => {
  test('at most once a second, however fast things change, and the last word arrives', async () => {
    const { reporter, online, clock, updates, times } = make();
    await online();
    for (let total = 1; total <= 500; total++) {
      reporter.set({ nodes: { total, available: total, scanComplete: false } });
      await clock.advance(20);
    }
    await clock.advance(5_000);
    expect(updates.length).toBeLessThanOrEqual(12);
    for (const [index, at] of times.entries()) if (index > 0) expect(at - times[index - 1]!).toBeGreaterThanOrEqual(MIN_REPORT_INTERVAL_MS);
    expect(updates.at(-1)!.reported!.nodes).toMatchObject({ total: 500 });
  });

  test('time and signal alone are no message; the heartbeat carries them, 96 a day', async () => {
    const { reporter, online, clock, updates } = make();
    await online();
    reporter.set({ wifi: { ssid: 'a', signalDbm: -50 } });
    await clock.advance(0);
    updates.length = 0;
    for (let minutes = 0; minutes < 24 * 60; minutes += 5) {
      reporter.set({ wifi: { ssid: 'a', signalDbm: -50 - (minutes % 7) } });
      await clock.advance(300_000);
    }
    expect(updates).toHaveLength(96);
  });

  test('lastSeen is never older than the heartbeat, also when commands report in between', async () => {
    const { reporter, online, clock, times } = make();
    await online();
    for (const waitMs of [100_000, 700_000, 500_000, 899_000]) {
      await clock.advance(waitMs);
      await reporter.reportCommand({ ...ANSWER, receivedAt: clock.nowMs() });
    }
    await clock.advance(2 * HEARTBEAT_MS);
    for (const [index, at] of times.entries()) if (index > 0) expect(at - times[index - 1]!).toBeLessThanOrEqual(HEARTBEAT_MS);
  });

  test('the same again is no message; a refresh is', async () => {
    const { reporter, online, clock, updates } = make();
    await online();
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(2_000);
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(2_000);
    expect(updates).toHaveLength(1);
    reporter.refresh();
    await clock.advance(0);
    expect(updates[1]!.reported).toMatchObject({ online: true, session: 'session-1' });
  });

  test('an answer that went with the clear of its command is no second message', async () => {
    const { reporter, online, updates } = make();
    await online();
    await reporter.clearCommand(4, { ...ANSWER, status: 'REJECTED' });
    await reporter.reportCommand({ ...ANSWER, status: 'REJECTED' });
    expect(updates).toHaveLength(1);
    await reporter.reportCommand(ANSWER);
    expect(updates).toHaveLength(2);
  });

  test('a result with nulls inside lists is reported once', async () => {
    const { reporter, online, clock, updates } = make();
    await online();
    await reporter.reportCommand({ ...ANSWER, result: { nodes: [{ nodeId: 'rs485/1', linkQuality: null }], total: null } });
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(2_000);
    expect(updates[0]!.reported!.lastCommand).toMatchObject({ result: { nodes: [{ nodeId: 'rs485/1' }] } });
    expect(updates[1]!.reported).not.toHaveProperty('lastCommand');
  });
});

describe('one at a time', () => {
  test('reports, answers and clearings wait for each other', async () => {
    const { reporter, online, clock, world, updates } = make();
    await online();
    const holds: (() => void)[] = [];
    world.answer = () => new Promise((resolve) => holds.push(() => resolve(1)));
    reporter.set({ wifi: { ssid: 'a' } });
    const done = [reporter.reportCommand(ANSWER), reporter.clearCommand(4, { ...ANSWER, id: 'c2' }), reporter.clearCommand(5, null)];
    await clock.advance(3_000);
    for (let step = 0; step < 8 && holds.length > 0; step++) {
      expect(world.inFlight).toBe(1);
      holds.shift()!();
      await settled();
    }
    await Promise.all(done);
    expect(world.mostInFlight).toBe(1);
    expect(updates.filter(({ version }) => version !== undefined)).toMatchObject([
      { version: 4, desired: { command: null, args: null }, reported: { lastCommand: { id: 'c2' } } },
      { version: 5, desired: { command: null, args: null } },
    ]);
    expect(updates.find(({ version }) => version === 5)).not.toHaveProperty('reported');
  });

  test('accepted versions are told', async () => {
    const { reporter, online, versions, world } = make();
    await online();
    world.answer = () => Promise.resolve(77);
    expect(await reporter.clearCommand(76, null)).toBe(77);
    expect(versions.at(-1)).toBe(77);
  });
});

describe('when an update fails', () => {
  test('nobody knows (time-out): the shadow is read again, and the difference to that is sent', async () => {
    const { reporter, online, clock, world, updates, fail, work } = make();
    await online({});
    fail('cloud_timeout');
    const reads = world.reads;
    await expect(reporter.reportCommand(ANSWER)).rejects.toMatchObject({ code: 'cloud_timeout' });
    expect(world.reads).toBe(reads + 1);
    work();
    updates.length = 0;
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(2_000);
    expect(updates).toEqual([]);
    // It had been done: only the rest is left to say.
    reporter.known(view({ ...IDENTITY, online: true, session: 'session-1', lastCommand: { ...ANSWER } }));
    await clock.advance(2_000);
    expect(updates).toHaveLength(1);
    expect(updates[0]!.reported).not.toHaveProperty('lastCommand');
    expect(updates[0]!.reported).toMatchObject({ wifi: { ssid: 'a' } });
  });

  test('an answer waits for the picture; a result of the command before does not hang on to the next', async () => {
    const { reporter, online, updates, fail, work } = make();
    await online({});
    await reporter.reportCommand({ ...ANSWER, result: { total: 1 } });
    fail('cloud_timeout');
    await reporter.reportCommand({ ...ANSWER, id: 'c2', status: 'FAILED' }).catch(() => {});
    work();
    updates.length = 0;
    const done = reporter.reportCommand({ ...ANSWER, id: 'c3' });
    await settled();
    expect(updates).toEqual([]);
    reporter.known(view({ lastCommand: { ...ANSWER, result: { total: 1 } } }));
    await done;
    expect(updates[0]!.reported!.lastCommand).toMatchObject({ id: 'c3', result: null });
  });

  test('the re-read fails as well: it is asked for again, with growing pauses', async () => {
    const { reporter, online, clock, world, fail } = make();
    await online();
    fail('cloud_timeout');
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(2_000);
    const reads = world.reads;
    await clock.advance(600_000);
    expect(world.reads - reads).toBeGreaterThanOrEqual(4);
    expect(world.reads - reads).toBeLessThanOrEqual(10);
  });

  test.each(['shadow_throttled', 'cloud_refused', 'shadow_conflict'] as const)(
    '%s: again later, with growing pauses, whatever else changes',
    async (code) => {
      const { reporter, online, clock, times, updates, fail, work } = make();
      await online();
      fail(code);
      for (let second = 0; second < 600; second++) {
        reporter.set({ nodes: { total: second, available: 0, scanComplete: false } });
        await clock.advance(1_000);
      }
      expect(times.length).toBeLessThanOrEqual(9);
      work();
      await clock.advance(301_000);
      expect(updates.at(-1)!.reported!.nodes).toMatchObject({ total: 599 });
    },
  );

  test('413: an answer goes without its result, and stays so', async () => {
    const { reporter, online, updates, world, clock } = make();
    await online();
    world.answer = () =>
      updates.at(-1)!.reported?.lastCommand && 'result' in (updates.at(-1)!.reported!.lastCommand as object)
        ? Promise.reject(new HubError('shadow_too_large', '413'))
        : Promise.resolve(2);
    await reporter.reportCommand({ ...ANSWER, result: { total: 1 } });
    expect(updates).toHaveLength(2);
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(2_000);
    expect(updates[2]!.reported).not.toHaveProperty('lastCommand');
  });

  test('409 on clearing: told to the caller, and nothing said of the command afterwards', async () => {
    const { reporter, online, clock, updates, fail, work } = make();
    await online();
    fail('shadow_conflict');
    await expect(reporter.clearCommand(3, ANSWER)).rejects.toMatchObject({ code: 'shadow_conflict' });
    work();
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(2_000);
    expect(updates.at(-1)!.reported).not.toHaveProperty('lastCommand');
  });
});

describe('links come and go', () => {
  test('some seconds after a birth or a contradiction it says once more that it is here: the rule of the cloud may be late', async () => {
    const { reporter, online, clock, updates } = make();
    await online();
    await clock.advance(60_000);
    expect(updates).toEqual([]);
    reporter.refresh();
    await clock.advance(60_000);
    expect(updates.map(({ reported }) => reported!.online)).toEqual([true, true]);
  });

  test('while reads of the shadow are lost it says all the same that it is here, every ten seconds, and at once when contradicted', async () => {
    const { reporter, attach, clock, updates } = make();
    attach('session-1');
    await clock.advance(35_000);
    expect(updates).toHaveLength(4);
    for (const { reported } of updates) expect(reported).toEqual({ online: true, session: 'session-1', lastSeen: expect.any(Number) });
    reporter.refresh();
    await settled();
    expect(updates).toHaveLength(5);
    reporter.known(view({}));
    await clock.advance(1_000);
    expect(updates.at(-1)!.reported).toMatchObject({ online: true, hubId: 'h' });
    const before = updates.length;
    await clock.advance(60_000);
    expect(updates.length - before).toBeLessThanOrEqual(1);
  });

  test('a contradiction is answered soon, however long the cloud has refused before', async () => {
    const { reporter, online, clock, updates, fail, work } = make();
    await online();
    fail('shadow_throttled');
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(600_000);
    work();
    updates.length = 0;
    reporter.refresh();
    await clock.advance(MIN_REPORT_INTERVAL_MS);
    expect(updates[0]!.reported).toMatchObject({ online: true, session: 'session-1' });
  });

  test('a first word that is lost holds nothing up: the report says it again', async () => {
    const { reporter, attach, clock, updates, world, work } = make();
    world.answer = () => new Promise(() => {});
    attach('session-1');
    work();
    reporter.known(view({ online: false, session: 'old' }));
    await clock.advance(MIN_REPORT_INTERVAL_MS);
    expect(updates.at(-1)!.reported).toMatchObject({ online: true, session: 'session-1', ...IDENTITY });
  });

  test('a goodbye right after the beginning comes after the first word', async () => {
    const { reporter, attach, goodbye, updates, world, work } = make();
    let accept = (_version: number) => {};
    world.answer = () =>
      new Promise((resolve) => {
        accept = resolve;
      });
    attach('session-1');
    reporter.known(view({}));
    const gone = goodbye();
    await settled();
    expect(updates).toHaveLength(1);
    work();
    accept(2);
    await gone;
    expect(updates.map(({ reported }) => reported!.online)).toEqual([true, false]);
  });

  test('without one, nothing is sent and nobody waits', async () => {
    const { reporter, clock, updates } = make();
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(HEARTBEAT_MS * 2);
    await expect(reporter.reportCommand(ANSWER)).rejects.toMatchObject({ code: 'cloud_disconnected' });
    await expect(reporter.clearCommand(1, null)).rejects.toMatchObject({ code: 'cloud_disconnected' });
    expect(updates).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  test('whoever waits for the picture of a link is told when it falls', async () => {
    const { reporter, attach, clock } = make();
    attach('session-1');
    const waiting = reporter.reportCommand(ANSWER);
    const told = expect(waiting).rejects.toMatchObject({ code: 'cloud_disconnected' });
    await settled();
    reporter.detach();
    await told;
    expect(clock.timers).toBe(0);
  });

  test('a late answer of the link before does not change the picture of this one', async () => {
    const { reporter, online, attach, clock, world, updates, work } = make();
    await online();
    let late = (_version: number) => {};
    world.answer = () =>
      new Promise((resolve) => {
        late = resolve;
      });
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(0);
    work();
    reporter.detach();
    attach('session-2');
    reporter.known(view({ online: true, session: 'session-1' }));
    late(9);
    await clock.advance(2_000);
    expect(updates.at(-1)!.reported).toMatchObject({ session: 'session-2', wifi: { ssid: 'a' } });
  });

  test('the goodbye reports offline and ends the heartbeat', async () => {
    const { goodbye, reporter, online, clock, updates } = make();
    await online();
    await goodbye();
    expect(updates).toMatchObject([{ reported: { online: false, session: 'session-1' } }]);
    reporter.detach();
    await clock.advance(HEARTBEAT_MS * 3);
    expect(updates).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  test('what changes after the goodbye, while the link still stands, does not say online again', async () => {
    const { goodbye, reporter, online, clock, updates, attach } = make();
    await online();
    await goodbye();
    reporter.set({ nodes: { total: 0, available: 0, scanComplete: false } });
    reporter.refresh();
    await clock.advance(10_000);
    expect(updates).toHaveLength(1);
    await reporter.reportCommand(ANSWER);
    expect(updates.at(-1)!.reported).toMatchObject({ online: false });
    attach('session-2');
    reporter.known(view({}));
    await clock.advance(1_000);
    expect(updates.at(-1)!.reported).toMatchObject({ online: true, session: 'session-2' });
  });

  test('an answer waits for a picture of the shadow that is read again until it comes', async () => {
    const { reporter, online, clock, updates, world, fail } = make();
    await online();
    fail('cloud_timeout');
    await expect(reporter.reportCommand(ANSWER)).rejects.toMatchObject({ code: 'cloud_timeout' });
    world.answer = () => Promise.resolve(9);
    const again = reporter.reportCommand(ANSWER);
    const { reads } = world;
    await clock.advance(20_000);
    expect(world.reads).toBeGreaterThan(reads + 1);
    reporter.known(view({}));
    await again;
    expect(updates.at(-1)!.reported).toMatchObject({ lastCommand: { id: 'c1', status: 'SUCCEEDED' } });
  });
});
