import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createReleaseHub, filesOf, leftovers, manifestOf, type ReleaseHub, selectAll, selectCut, unflushed } from './hub.ts';
import { type Cut, createLossyDisk, type LossyDisk, PowerCut } from './lossy-disk.ts';

const AGENT = { 20: 'agent next', 30: 'agent after next' } as const;
const releaseOf = (sequence: 20 | 30) => manifestOf(sequence, { ...filesOf('factory'), 'hub-agent.cjs': AGENT[sequence] });

/** One run of the updater in a hub's life: what was before it, and what may run after a cut in it. */
const RUNS: Record<string, { before(hub: ReleaseHub): void; committed: number[]; settled: number }> = {
  'a release is installed': {
    before: (hub) => hub.request(releaseOf(20), { files: { 'hub-agent.cjs': AGENT[20] } }),
    committed: [0],
    settled: 20,
  },
  'a trial is committed': {
    before(hub) {
      RUNS['a release is installed']!.before(hub);
      hub.run();
      hub.counted(20);
      hub.confirm(20, 'healthy');
    },
    committed: [0, 20],
    settled: 20,
  },
  'a trial is rolled back': {
    before(hub) {
      RUNS['a release is installed']!.before(hub);
      hub.run();
      hub.counted(20);
      hub.confirm(20, 'bus_lost');
    },
    committed: [0],
    settled: 0,
  },
  'a second release replaces the first, and the unused one goes': {
    before(hub) {
      RUNS['a trial is committed']!.before(hub);
      hub.run();
      hub.request(releaseOf(30), { files: { 'hub-agent.cjs': AGENT[30] }, attempt: 'job:2' });
    },
    committed: [20],
    settled: 30,
  },
  'the committed release is left for the one before': {
    before(hub) {
      RUNS['a trial is committed']!.before(hub);
      hub.run();
      hub.askRollback(20);
    },
    committed: [0, 20],
    settled: 0,
  },
};

function lossy(hub: ReleaseHub, cut: Cut | null): LossyDisk {
  return createLossyDisk(unflushed, { cut, attic: join(hub.root, 'attic') });
}

/** A release in its folder is whole, or is not there under its name. */
function isWhole({ releases }: ReleaseHub, sequence: number): boolean {
  if (sequence === 0) return true;
  const { parts } = releaseOf(sequence as 20 | 30);
  return parts.every(({ name, bytes }) => statSync(join(releases, String(sequence), name), { throwIfNoEntry: false })?.size === bytes);
}

/** The power is back: what starts was committed once, or is the whole release on trial. Then all goes on to its end. */
function comesBack(hub: ReleaseHub, { committed, settled }: (typeof RUNS)[string], where: string): void {
  const [sequence, how] = hub.chosen().split(' ') as [string, string];
  if (how === 'committed') expect(committed, where).toContain(Number(sequence));
  else expect(isWhole(hub, Number(sequence)), where).toBe(true);
  hub.run();
  const after = hub.state();
  if (after.trial) {
    hub.confirm(after.trial.sequence, 'healthy');
    hub.run();
  }
  expect(hub.state(), where).toMatchObject({ current: { sequence: settled }, trial: null });
  expect(isWhole(hub, settled), where).toBe(true);
  expect(leftovers(hub), where).toEqual([]);
  expect(
    hub.state().history.filter(({ what }) => what === 'refused'),
    where,
  ).toEqual([]);
}

test.each(Object.entries(RUNS))(
  'The power goes at every call and in every write while %s: what was committed once starts, and it goes on',
  (_, run) => {
    const whole = createReleaseHub();
    run.before(whole);
    const disk = lossy(whole, null);
    whole.run(disk);
    const cuts = disk.calls.flatMap(({ bytes }, call): Cut[] => [
      { call },
      ...(bytes === undefined ? [] : [0, Math.floor(bytes / 2), bytes].map((at) => ({ call, bytes: at }))),
    ]);
    expect(cuts.length).toBeGreaterThan(8);
    const lives = cuts.flatMap((cut) =>
      [true, false].map((loses) => {
        const { what, path } = disk.calls[cut.call]!;
        const torn = cut.bytes === undefined ? '' : `, ${cut.bytes} bytes`;
        const where = `${what} ${path.slice(whole.root.length)}${torn}, ${loses ? 'without' : 'with'} what was not synced`;
        const hub = createReleaseHub();
        run.before(hub);
        const cutting = lossy(hub, cut);
        expect(() => hub.run(cutting), where).toThrow(PowerCut);
        if (loses) cutting.lose();
        hub.boot();
        return { hub, where };
      }),
    );
    selectAll(lives.map(({ hub }) => hub));
    for (const { hub, where } of lives) comesBack(hub, run, where);
  },
);

test('The state is cut at every byte, in its own place: the launcher starts what was committed once, and the updater goes on', () => {
  const hub = createReleaseHub();
  RUNS['a trial is committed']!.before(hub);
  hub.run();
  const chosen = selectCut(hub, 'state');
  expect(chosen.length).toBeGreaterThan(100);
  // The state before the commit leads to the package's own release.
  expect(chosen.slice(0, -1).filter((each) => each !== '0 committed')).toEqual([]);
  expect(chosen.at(-1)).toBe('20 committed');
  truncateSync(join(hub.releases, 'state'), 100);
  hub.run();
  expect(hub.log.at(-1)).toContain('damaged');
});

test('The count is cut at every byte: the launcher starts the trial, or what was committed once', () => {
  const hub = createReleaseHub();
  RUNS['a release is installed']!.before(hub);
  hub.run();
  hub.select();
  const chosen = selectCut(hub, 'count');
  expect(chosen.length).toBeGreaterThan(10);
  expect(chosen.filter((each) => !['0 committed', '20 trial'].includes(each))).toEqual([]);
});
