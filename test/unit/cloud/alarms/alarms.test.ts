import { describe, expect, test } from 'vitest';
import { type AlarmSections, createAlarmCenter } from '../../../../agent/cloud/alarms/alarms.ts';
import { WRITE_INTERVAL_MS } from '../../../../agent/cloud/alarms/kept-file.ts';
import { forgetState } from '../../../../agent/state/forget-state.ts';
import { sealed } from '../../../../agent/system/seal.ts';
import { createMemoryFiles, type MemoryFiles } from '../../../support/memory-files.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { createFakeLog } from '../../nodes/fakes.ts';

const START_MS = 1_795_300_000_000;
const PATH = '/state/alarms.json';
const EXPIRES = new Date('2030-01-01T00:00:00Z');

/** One process; the next one starts on the same disk. */
async function start(files: MemoryFiles = createMemoryFiles(), expiresAt = EXPIRES) {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const reports: { sections: Partial<AlarmSections>; quiet: boolean }[] = [];
  const center = createAlarmCenter({
    files,
    stateDirectory: '/state',
    expiresAt,
    clock,
    wallClock: { nowMs: () => START_MS + clock.nowMs() },
    log,
    report: (sections, { quiet }) => void reports.push({ sections, quiet }),
  });
  await center.start();
  return { clock, log, reports, center, files };
}

const read = (timestampSeconds: number) => ({ source: 'read', timestampSeconds }) as const;

describe('alarms across restarts', () => {
  test('an idle hub writes nothing, whatever it reads', async () => {
    const { clock, center, files, reports } = await start();
    for (let day = 0; day < 30; day++) {
      center.view(read(1_000 + day * 86_400));
      center.clear('certificate_expires', null);
      await clock.advance(86_400_000);
    }
    await center.stop();
    expect(files.writes).toEqual([]);
    expect(reports).toEqual([{ sections: { alarms: undefined, alarmsOmitted: undefined, takenOverAt: undefined }, quiet: false }]);
    expect(clock.timers).toBe(0);
  });

  test('a new alarm is written at once; a flapping device costs a write in ten minutes; the last word is written at the stop', async () => {
    const { clock, center, files } = await start();
    center.raise('tamper', 'b/1');
    await clock.advance(0);
    expect(files.writes).toHaveLength(1);
    for (let second = 0; second < 3_600; second++) {
      center[second % 2 === 0 ? 'clear' : 'raise']('tamper', 'b/1');
      await clock.advance(1_000);
    }
    expect(files.writes.length).toBeLessThanOrEqual(1 + 3_600_000 / WRITE_INTERVAL_MS);
    const before = files.writes.length;
    center.raise('local_change', null);
    await clock.advance(0);
    expect(files.writes).toHaveLength(before + 1);
    await center.stop();
    const next = await start(files);
    expect(next.center.list()).toMatchObject([
      { kind: 'tamper', node: 'b/1' },
      { kind: 'local_change', node: null },
    ]);
    expect(next.reports[0]!.sections.alarms).toHaveLength(2);
  });

  test.each(['', '{', '[]', '\0\0\0'])('a damaged file (%j) is told, and everything begins anew', async (text) => {
    const { center, log, reports } = await start(createMemoryFiles(new Map([[PATH, Buffer.from(text)]])));
    expect(center.list()).toEqual([]);
    expect(reports).toHaveLength(1);
    expect(log.events()).toContain('alarms_damaged');
  });

  test('a kind that only a newer release knows, and an entry that is damaged, cost themselves alone', async () => {
    const files = createMemoryFiles();
    const alarms = [
      { kind: 'of a newer release', node: null, since: 1 },
      { kind: 'tamper', node: 'b/1', since: 2 },
      { kind: 'tamper', node: 3 },
      null,
      { kind: 'tamper', node: 'b/2', since: 4 },
    ];
    await files.writeAtomic(PATH, JSON.stringify(sealed({ version: 1, alarms })));
    const { center, log } = await start(files);
    expect(center.list().map(({ node }) => node)).toEqual(['b/1', 'b/2']);
    expect(log.events()).not.toContain('alarms_damaged');
  });

  test('a full or broken disk does not keep an alarm from the cloud', async () => {
    const { center, clock, files, reports, log } = await start();
    files.full = true;
    center.raise('tamper', 'b/1');
    await clock.advance(1_000);
    expect(reports.at(-1)).toMatchObject({ quiet: false, sections: { alarms: [{ kind: 'tamper' }] } });
    expect(log.events()).toContain('alarms_unstored');
    const broken = createMemoryFiles();
    broken.broken = true;
    expect((await start(broken)).center.list()).toEqual([]);
  });

  test('what does not fit is counted', async () => {
    const { center, reports } = await start();
    for (let address = 0; address < 12; address++) center.raise('tamper', `b/${address}`);
    expect(reports.at(-1)).toMatchObject({ quiet: true, sections: { alarmsOmitted: 4, alarms: { length: 8 } } });
  });
});

describe('a takeover', () => {
  test('what was written from the last message of the old session until the first read of the new one is suspect', async () => {
    const { center, reports } = await start();
    center.view(read(1_000));
    center.view({ source: 'delta', timestampSeconds: 1_010 });
    expect(center.isSuspect(1_010)).toBe(false);
    center.takenOver();
    expect([1_009, 1_010, 1_050, 9_999].map(center.isSuspect)).toEqual([false, true, true, true]);
    center.view({ source: 'delta', timestampSeconds: 1_100 });
    expect(center.isSuspect(1_101)).toBe(true);
    center.view(read(1_101));
    expect([1_009, 1_010, 1_101, 1_102].map(center.isSuspect)).toEqual([false, true, true, false]);
    expect(reports.at(-1)!.sections).toMatchObject({ takenOverAt: START_MS, alarms: [{ kind: 'taken_over', since: START_MS }] });
  });

  test('again before the first was over, and again later: the time grows', async () => {
    const { center } = await start();
    center.view(read(1_000));
    center.takenOver();
    center.takenOver();
    center.view(read(2_000));
    center.takenOver();
    center.view(read(0));
    expect([999, 1_000, 2_500].map(center.isSuspect)).toEqual([false, true, true]);
    center.view(read(3_000));
    expect([3_000, 3_001].map(center.isSuspect)).toEqual([true, false]);
  });

  test('a hub that was cut off its power in between still knows; with another certificate it is over', async () => {
    const { center, files, clock } = await start();
    center.view(read(1_000));
    center.takenOver();
    await clock.advance(1);
    // No stop: the power went.
    const next = await start(files);
    expect(next.reports[0]!.sections.takenOverAt).toBe(START_MS);
    expect(next.center.isSuspect(1_500)).toBe(true);
    next.center.view(read(2_000));
    expect(next.center.isSuspect(2_001)).toBe(false);
    await next.center.stop();
    expect((await start(files)).center.isSuspect(5_000)).toBe(false);
    const rotated = await start(files, new Date('2035-01-01T00:00:00Z'));
    expect(rotated.reports[0]!.sections.takenOverAt).toBeUndefined();
    expect(rotated.center.isSuspect(1_500)).toBe(false);
  });

  test('a factory reset takes the alarms, and leaves what was written by another client suspect', async () => {
    const { center, files } = await start();
    center.view(read(1_000));
    center.takenOver();
    await center.stop();
    await forgetState(files, '/state', 'factory', createFakeLog());
    const next = await start(files);
    expect(next.center.list()).toEqual([]);
    expect(next.center.isSuspect(1_500)).toBe(true);
  });

  test('a takeover right after another write is on disk at once, and so is its end', async () => {
    const { center, files, clock } = await start();
    center.view(read(1_000));
    center.raise('tamper', 'b/1');
    await clock.advance(1_000);
    center.takenOver();
    await clock.advance(1_000);
    expect((await start(files)).center.isSuspect(1_500)).toBe(true);
    center.view(read(2_000));
    await clock.advance(1_000);
    const next = await start(files);
    expect([999, 1_000, 2_000, 2_001].map(next.center.isSuspect)).toEqual([false, true, true, false]);
  });

  test('takeovers one after the other: whenever the power goes, none is forgotten', async () => {
    const { center, files, clock } = await start();
    for (let second = 1_000; second < 4_000; second += 30) {
      center.view(read(second));
      await clock.advance(15_000);
      center.takenOver();
      await clock.advance(15_000);
      expect((await start(files)).center.isSuspect(second + 20)).toBe(true);
    }
  });

  test('under another certificate a takeover that stands on disk does not count for the new one', async () => {
    const old = await start();
    old.center.takenOver();
    await old.clock.advance(1);
    const expiresAt = new Date('2035-01-01T00:00:00Z');
    const { center, clock } = await start(old.files, expiresAt);
    center.raise('tamper', 'b/1');
    await clock.advance(1);
    center.takenOver();
    await clock.advance(1);
    expect((await start(old.files, expiresAt)).center.isSuspect(5_000)).toBe(true);
  });

  test('a takeover that a full disk refused is written when there is room again, and told once', async () => {
    const { center, files, clock, log } = await start();
    files.full = true;
    center.view(read(1_000));
    center.takenOver();
    await clock.advance(600_000);
    expect(log.events().filter((event) => event === 'takeover_unstored')).toHaveLength(1);
    files.full = false;
    await clock.advance(60_000);
    expect((await start(files)).center.isSuspect(1_500)).toBe(true);
    await center.stop();
    expect(clock.timers).toBe(0);
  });

  test('a write that fails late does not come back over a newer one', async () => {
    const files = createMemoryFiles();
    const { writeAtomic } = files;
    const first = Promise.withResolvers<void>();
    let writes = 0;
    files.writeAtomic = (...args) => (writes++ === 0 ? first.promise : writeAtomic.apply(files, args));
    const { center, clock } = await start(files);
    center.raise('tamper', 'b/1');
    await clock.advance(1_000);
    center.view(read(1_000));
    center.takenOver();
    await clock.advance(1_000);
    first.reject(new Error('EIO'));
    await clock.advance(120_000);
    expect((await start(files)).center.isSuspect(1_500)).toBe(true);
    // The second is of the alarms.
    expect(writes).toBe(3);
  });

  test('two hubs with one identity: three writes in ten minutes, and few messages', async () => {
    const { center, clock, files, reports } = await start();
    for (let minute = 0; minute < 24 * 60; minute++) {
      center.takenOver();
      await clock.advance(30_000);
      center.view(read(1_000 + minute * 60));
      await clock.advance(30_000);
    }
    expect(files.writes.length).toBeLessThanOrEqual(3 * (1 + 86_400_000 / WRITE_INTERVAL_MS));
    expect(reports.filter(({ quiet }) => !quiet).length).toBeLessThanOrEqual(17);
  });
});
