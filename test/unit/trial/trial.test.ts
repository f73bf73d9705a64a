import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { BusStatus } from '../../../agent/contract/node.ts';
import type { ReleaseReport } from '../../../agent/contract/release.ts';
import { FIRST_STATE, formatState, type ReleasesState } from '../../../agent/release/state.ts';
import { MAX_TRIAL_RSS_BYTES, trialTimes } from '../../../agent/trial/health.ts';
import { createReleaseTrial, type ReleaseTrial, type StartedAs } from '../../../agent/trial/trial.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock, settled } from '../../support/stepped-clock.ts';
import { createFakeLog } from '../nodes/fakes.ts';

const STATE = '/releases/state';
const CONFIRM = '/agent/update/confirm.json';
const BEFORE = '/agent/update/before.json';
const ON_TRIAL: ReleasesState = { ...FIRST_STATE, trial: { sequence: 20, requiresSystem: 1, attempt: 'job:1' } };
const MINUTE_MS = 60_000;

/** A disk that outlasts processes, and agents on it. */
function createHub(state: ReleasesState | null = ON_TRIAL) {
  const files = createMemoryFiles();
  const clock = createSteppedClock();
  const reports: ReleaseReport[] = [];
  const world = { buses: ['rs485'], rssBytes: 60e6 as number | null, told: true };
  const keep = (next: ReleasesState) => files.content.set(STATE, Buffer.from(formatState(next)));
  if (state) keep(state);
  return {
    files,
    clock,
    reports,
    world,
    keep,
    verdict: () =>
      files.content.has(CONFIRM) ? (JSON.parse(files.content.get(CONFIRM)!.toString()) as { sequence: number; verdict: string }) : null,
    agent(started: StartedAs | null): ReleaseTrial {
      const trial = createReleaseTrial({
        started,
        releases: '/releases',
        factorySequence: async () => 10,
        stateDirectory: '/agent',
        files,
        trialSeconds: async () => 600,
        buses: () => world.buses.map((id): BusStatus => ({ id, protocol: 'osdp', state: 'up' })),
        rssBytes: async () => world.rssBytes,
        told: () => world.told,
        onReport: (report) => reports.push(report),
        clock,
        log: createFakeLog(),
      });
      onTestFinished(() => trial.stop());
      return trial;
    },
  };
}

/** The committed agent was online with its bus, and stops for the trial. */
async function handedOver(hub: ReturnType<typeof createHub>, { online = true } = {}): Promise<ReleaseTrial> {
  const old = hub.agent({ sequence: 0, trial: false });
  old.start();
  if (online) old.linkUp();
  await old.stop();
  const trial = hub.agent({ sequence: 20, trial: true });
  trial.start();
  await settled();
  return trial;
}

test('A trial that is as its predecessor was says so after a minute, once, and tells of the commit', async () => {
  const hub = createHub();
  const trial = await handedOver(hub);
  trial.linkUp();
  await hub.clock.advance(MINUTE_MS - 4_000);
  expect(hub.verdict()).toBeNull();
  await hub.clock.advance(6_000);
  expect(hub.verdict()).toEqual({ sequence: 20, verdict: 'healthy' });
  expect(hub.reports.at(-1)).toEqual({ sequence: 20, factory: false, trial: true });
  const writes = hub.files.writes.length;
  hub.keep({ ...FIRST_STATE, current: { sequence: 20, requiresSystem: 1 }, highest: 20 });
  await hub.clock.advance(MINUTE_MS);
  expect(hub.reports.at(-1)).toEqual({ sequence: 20, factory: false, trial: false });
  expect([hub.files.writes.length, hub.clock.timers]).toEqual([writes, 0]);
});

test.each<[string, (hub: ReturnType<typeof createHub>, trial: ReleaseTrial) => void]>([
  ['no_cloud', () => {}],
  [
    'no_cloud',
    (_, trial) => {
      trial.linkUp();
      trial.linkDown();
    },
  ],
  [
    'job_unanswered',
    ({ world }, trial) => {
      trial.linkUp();
      world.told = false;
    },
  ],
  [
    // The Jobs service was never asked.
    'no_cloud',
    ({ world }) => {
      world.told = false;
    },
  ],
  [
    'bus_lost',
    ({ world }, trial) => {
      trial.linkUp();
      world.buses = [];
    },
  ],
])('A trial that lacks something says what, in time for the updater: %s', async (verdict, spoil) => {
  const hub = createHub();
  const trial = await handedOver(hub);
  spoil(hub, trial);
  await hub.clock.advance(8 * MINUTE_MS);
  expect(hub.verdict()).toBeNull();
  await hub.clock.advance(MINUTE_MS + 4_000);
  expect(hub.verdict()).toEqual({ sequence: 20, verdict });
});

test('One that eats memory does not wait for its end', async () => {
  const hub = createHub();
  const trial = await handedOver(hub);
  trial.linkUp();
  hub.world.rssBytes = MAX_TRIAL_RSS_BYTES + 1;
  await hub.clock.advance(4_000);
  expect(hub.verdict()).toEqual({ sequence: 20, verdict: 'memory' });
});

test('What comes back in time counts: a bus and a session that were lost', async () => {
  const hub = createHub();
  const trial = await handedOver(hub);
  trial.linkUp();
  trial.linkDown();
  hub.world.buses = [];
  await hub.clock.advance(3 * MINUTE_MS);
  trial.linkUp();
  hub.world.buses = ['rs485', 'second'];
  await hub.clock.advance(4_000);
  expect(hub.verdict()).toEqual({ sequence: 20, verdict: 'healthy' });
});

test('A hub that was never online needs no cloud; one whose past is not known does', async () => {
  const offline = createHub();
  await handedOver(offline, { online: false });
  await offline.clock.advance(MINUTE_MS + 4_000);
  expect(offline.verdict()).toEqual({ sequence: 20, verdict: 'healthy' });

  for (const damage of [
    '',
    '{"sequence":20,"buses":[],"cloud":false,"check":"0000000000000000"}',
    '{"sequence":19,"buses":[],"cloud":false}',
  ]) {
    const hub = createHub();
    hub.files.content.set(BEFORE, Buffer.from(damage));
    hub.agent({ sequence: 20, trial: true }).start();
    await hub.clock.advance(10 * MINUTE_MS);
    expect(hub.verdict(), damage).toEqual({ sequence: 20, verdict: 'no_cloud' });
  }
});

test('A full disk delays the word, and loses nothing', async () => {
  const hub = createHub();
  const trial = await handedOver(hub);
  trial.linkUp();
  hub.files.full = true;
  await hub.clock.advance(2 * MINUTE_MS);
  expect(hub.verdict()).toBeNull();
  hub.files.full = false;
  await hub.clock.advance(4_000);
  expect(hub.verdict()).toEqual({ sequence: 20, verdict: 'healthy' });
});

test('An agent that is not on trial writes nothing, but what was up when another goes on trial; a trial keeps the past of its predecessor', async () => {
  const idle = createHub(null);
  const agent = idle.agent({ sequence: 0, trial: false });
  agent.start();
  agent.linkUp();
  await idle.clock.advance(20 * MINUTE_MS);
  await agent.stop();
  expect([idle.files.writes, idle.reports]).toEqual([[], [{ sequence: 10, factory: true, trial: false }]]);

  const hub = createHub();
  const trial = await handedOver(hub);
  expect(JSON.parse(hub.files.content.get(BEFORE)!.toString())).toMatchObject({ sequence: 20, buses: ['rs485'], cloud: true });
  hub.world.buses = [];
  await trial.stop();
  expect(JSON.parse(hub.files.content.get(BEFORE)!.toString())).toMatchObject({ buses: ['rs485'] });
});

test('An agent that was committed and runs on keeps what is up for the next trial', async () => {
  const hub = createHub();
  const agent = await handedOver(hub);
  agent.linkUp();
  await hub.clock.advance(MINUTE_MS + 4_000);
  const committed = { ...FIRST_STATE, current: { sequence: 20, requiresSystem: 1 }, highest: 20 };
  hub.keep(committed);
  await hub.clock.advance(MINUTE_MS);
  hub.world.buses = ['rs485', 'second'];
  hub.keep({ ...committed, trial: { sequence: 30, requiresSystem: 1, attempt: 'job:2' } });
  await agent.stop();
  expect(JSON.parse(hub.files.content.get(BEFORE)!.toString())).toMatchObject({ sequence: 30, buses: ['rs485', 'second'], cloud: true });
});

test('The report names the release that was left, until one is committed', async () => {
  const event = { atSeconds: 1, sequence: 20, attempt: 'job:1' };
  const history = [
    { ...event, what: 'trial' as const, reason: null },
    { ...event, what: 'rolled_back' as const, reason: 'no_cloud' as const },
  ];
  const hub = createHub({ ...FIRST_STATE, history });
  hub.agent({ sequence: 0, trial: false }).start();
  await settled();
  expect(hub.reports).toEqual([
    { sequence: 10, factory: true, trial: false, failed: { sequence: 20, what: 'rolled_back', reason: 'no_cloud' } },
  ]);
  hub.keep({ ...FIRST_STATE, history: [...history, { ...event, sequence: 30, what: 'committed', reason: null }] });
  hub.agent({ sequence: 30, trial: false }).start();
  await settled();
  expect(hub.reports.at(-1)).toEqual({ sequence: 30, factory: false, trial: false });
});

test('An agent that no launcher started has no release to tell of', async () => {
  const hub = createHub();
  const agent = hub.agent(null);
  agent.start();
  await agent.stop();
  expect([hub.reports, hub.files.writes, agent.report()]).toEqual([[], [], { sequence: null, factory: true, trial: false }]);
});

test('The limits of a trial stay under those of unit and updater', () => {
  const unit = readFileSync(resolve(import.meta.dirname, '../../../systemd/hub-agent.service'), 'utf8');
  const highMegabytes = Number(/^MemoryHigh=(\d+)M$/m.exec(unit)?.[1]);
  expect(MAX_TRIAL_RSS_BYTES / 2 ** 20).toBeLessThan(highMegabytes);
  const timer = readFileSync(resolve(import.meta.dirname, '../../../systemd/hub-agent-trial.timer'), 'utf8');
  expect(trialTimes(600).giveUpMs / 1000).toBeLessThan(Number(/^OnActiveSec=(\d+)s$/m.exec(timer)?.[1]) - 30);
});
