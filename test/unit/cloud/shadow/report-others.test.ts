import { describe, expect, test } from 'vitest';
import { COMPARE_MS, MIN_COMPARE_INTERVAL_MS } from '../../../../agent/cloud/shadow/report-state.ts';
import { createReporter } from '../../../../agent/cloud/shadow/reporter.ts';
import type { LastCommand, ShadowUpdate } from '../../../../agent/contract/shadow.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { AWS_LIMITS } from '../../../twins/iot-core/limits.ts';
import { createShadowService } from '../../../twins/iot-core/shadow-service.ts';
import { createFakeLog } from '../../nodes/fakes.ts';

const IDENTITY = { hubId: 'h', serial: 's', model: 'm', vendorName: 'v', version: '1.0.0' };
const CLAIM = { orgId: 'o', siteId: 's', claimedBy: 'u', claimedAt: 1 };
const HEARTBEAT_MS = 900_000;
const START_MS = 1_795_300_000_000;
const ANSWER: LastCommand = { id: 'c1', command: 'get_nodes', status: 'SUCCEEDED', receivedAt: 1, finishedAt: 2, resultTopic: 'hubs/h/c1' };
const THING = 'h';

/** A reporter on the twin's Shadow service, which others write, delete and silence. */
async function online() {
  const clock = createSteppedClock();
  const wallClock = { nowMs: () => START_MS + clock.nowMs() };
  const shadows = createShadowService({
    limits: AWS_LIMITS,
    nowMs: wallClock.nowMs,
    publish: () => {},
    nextUpdateFailure: () => null,
    losesNextResponse: () => false,
  });
  const world = { silent: false, reads: 0, updates: [] as ShadowUpdate[] };
  const write = (request: object) => shadows.update(THING, null, Buffer.from(JSON.stringify(request)));
  const read = () => {
    const document = shadows.get(THING, null);
    return { version: document?.version ?? 0, reported: document?.state.reported ?? {}, desired: document?.state.desired ?? {} };
  };
  const reporter = createReporter({
    identity: IDENTITY,
    uptimeSeconds: () => clock.nowMs() / 1000,
    wallClock,
    clock,
    entropy: { unit: () => 1 },
    heartbeatMs: HEARTBEAT_MS,
    log: createFakeLog(),
    requestRead: () => {
      world.reads += 1;
      if (!world.silent) reporter.known({ source: 'read', timestampSeconds: 1, desiredMetadata: {}, ...read() });
    },
    onUpdated: () => {},
  });
  reporter.set({ claim: CLAIM });
  const attach = () =>
    reporter.attach(
      {
        async updateShadow({ desired, reported, version }) {
          world.updates.push({ ...(desired && { desired }), ...(reported && { reported }), ...(version !== undefined && { version }) });
          if (world.silent) throw new HubError('cloud_timeout', 'no answer');
          const state = { ...(desired && { desired }), ...(reported && { reported }) };
          const result = write({ state, ...(version !== undefined && { version }) });
          if (result.ok) return result.version;
          throw new HubError(result.code === 413 ? 'shadow_too_large' : result.code === 409 ? 'shadow_conflict' : 'cloud_refused', 'no');
        },
      },
      'session-1',
    );
  attach();
  await clock.advance(12_000);
  world.reads = 0;
  world.updates.length = 0;
  return { clock, world, reporter, write, read, shadows, attach, reported: () => read().reported as Record<string, unknown> };
}

describe('what others do to the shadow while the hub is connected', () => {
  test('deleted: whole again with the next heartbeat, without a read', async () => {
    const { shadows, clock, reported, world } = await online();
    shadows.remove(THING, null);
    await clock.advance(HEARTBEAT_MS);
    expect(reported()).toMatchObject({ ...IDENTITY, claim: CLAIM, online: true, session: 'session-1' });
    expect(world.reads).toBe(0);
  });

  test.each([
    ['the version is cut out', { version: null }],
    ['the claim is changed inside', { claim: { orgId: 'thief' } }],
    ['we are shown offline', { online: false, session: 'else' }],
    ['the serial becomes an object', { serial: { a: 1 } }],
  ])('%s: seen by the next update of ours, which is not the next version, and mended', async (_what, reportedByOthers) => {
    const { write, clock, reporter, reported, world } = await online();
    write({ state: { reported: reportedByOthers } });
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(MIN_COMPARE_INTERVAL_MS + 2_000);
    expect(reported()).toMatchObject({ ...IDENTITY, claim: CLAIM, online: true, session: 'session-1', wifi: { ssid: 'a' } });
    expect(world.reads).toBe(1);
  });

  test.each([
    ['a command', { command: 'get_nodes' }],
    ['args', { args: { refresh: true } }],
    ['both, of any type', { command: { a: 1 }, args: ['x'] }],
  ])('%s in the reported state, which would hide a command from the delta, is taken out; the keys of others stay', async (_what, words) => {
    const { write, clock, reporter, reported, attach, world } = await online();
    write({ state: { reported: { ...words, theirs: 1 } } });
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(MIN_COMPARE_INTERVAL_MS + 2_000);
    expect(Object.keys(reported())).not.toEqual(expect.arrayContaining(['command']));
    expect(reported()).not.toHaveProperty('args');
    expect(reported()).toMatchObject({ theirs: 1, wifi: { ssid: 'a' } });
    write({ state: { reported: words } });
    reporter.detach();
    attach();
    await clock.advance(30_000);
    expect(reported()).not.toHaveProperty('command');
    expect(reported()).not.toHaveProperty('args');
    world.updates.length = 0;
    await clock.advance(60_000);
    expect(world.updates).toEqual([]);
  });

  test('a key of ours that others add inside is found by the comparison of the day, which is one read', async () => {
    const { write, clock, reported, world } = await online();
    write({ state: { reported: { claim: { extra: 1 } } } });
    await clock.advance(COMPARE_MS + 5_000);
    expect(reported().claim).toEqual(CLAIM);
    world.reads = 0;
    await clock.advance(10 * COMPARE_MS);
    expect(world.reads).toBe(10);
  });

  test('a writer who never rests costs a read and an update a minute, not more', async () => {
    const { write, clock, reported, world } = await online();
    for (let second = 0; second < 600; second++) {
      write({ state: { reported: { online: false, second } } });
      await clock.advance(1_000);
    }
    expect(world.reads).toBeLessThanOrEqual(10);
    expect(world.updates.length).toBeLessThanOrEqual(12);
    await clock.advance(HEARTBEAT_MS);
    expect(reported().online).toBe(true);
  });

  test('deltas of commands, and our own updates beside them, cause no read; one that skips a version does', async () => {
    const { write, clock, reporter, read, world } = await online();
    for (let count = 0; count < 5; count++) {
      write({ state: { desired: { command: 'get_nodes', args: {} } } });
      reporter.heard(read().version);
      await reporter.clearCommand(read().version, { ...ANSWER, id: `c${count}` });
      await clock.advance(70_000);
    }
    expect(world.reads).toBe(0);
    write({ state: { reported: { model: 'x' } } });
    write({ state: { desired: { command: 'get_nodes' } } });
    reporter.heard(read().version);
    await clock.advance(MIN_COMPARE_INTERVAL_MS);
    expect(world.reads).toBe(1);
    expect(read().reported).toMatchObject(IDENTITY);
  });
});

describe('what is confirmed', () => {
  test('when the service falls silent it is known since when, and ends with the first confirmed report', async () => {
    const { clock, world, reporter } = await online();
    const { confirmedAt } = reporter.confirmation();
    expect(reporter.confirmation()).toEqual({ confirmedAt: expect.any(Number), unconfirmedMs: null, lastFailure: null });
    world.silent = true;
    reporter.set({ wifi: { ssid: 'a' } });
    await clock.advance(60_000);
    expect(reporter.confirmation()).toEqual({ confirmedAt, unconfirmedMs: 60_000, lastFailure: 'cloud_timeout' });
    world.silent = false;
    await clock.advance(300_000);
    expect(reporter.confirmation()).toMatchObject({ unconfirmedMs: null, lastFailure: null });
  });

  test('silence from the first moment, and a service that takes the greeting but answers no read', async () => {
    const { clock, world, reporter, attach } = await online();
    reporter.detach();
    expect(reporter.confirmation().unconfirmedMs).toBe(null);
    world.silent = true;
    attach();
    await clock.advance(11_000);
    expect(reporter.confirmation().unconfirmedMs).toBe(11_000);
  });

  test('a clear without words, a conflict that ends well: nothing is left unconfirmed', async () => {
    const { clock, reporter, write, read } = await online();
    write({ state: { desired: { command: 'x' } } });
    reporter.heard(read().version);
    await reporter.clearCommand(read().version, null);
    expect(reporter.confirmation().unconfirmedMs).toBe(null);
    await expect(reporter.clearCommand(1, ANSWER)).rejects.toMatchObject({ code: 'shadow_conflict' });
    await reporter.clearCommand(read().version, ANSWER);
    await clock.advance(2_000);
    expect(reporter.confirmation().unconfirmedMs).toBe(null);
  });
});

describe('a shadow that others have nearly filled', () => {
  test.each([7_000, 7_600, 7_700])('%i bytes of others: a command is cleared and answered', async (foreign) => {
    const { write, read, reporter, clock, reported, attach } = await online();
    reporter.detach();
    write({ state: null });
    const filled = write({ state: { desired: { config: 'x'.repeat(foreign) } } });
    expect(filled.ok).toBe(true);
    attach();
    await clock.advance(5_000);
    const sent = write({ state: { desired: { command: 'set_wifi_credentials', args: { ssid: 'a', credentials: 'b'.repeat(20) } } } });
    expect(sent.ok).toBe(true);
    reporter.heard(read().version);
    await reporter.clearCommand(read().version, { ...ANSWER, status: 'IN_PROGRESS' });
    expect(read().desired).not.toHaveProperty('command');
    const message = 'long '.repeat(100);
    await reporter.reportCommand({ ...ANSWER, status: 'FAILED', error: { code: 'wifi_authentication_failed', message } });
    expect(reported().lastCommand).toMatchObject({ id: 'c1', status: 'FAILED', error: { code: 'wifi_authentication_failed' } });
  });

  test('when the others have gone, everything is said again', async () => {
    const { write, reporter, clock, reported } = await online();
    reporter.set({ nodes: { total: 1, available: 1, scanComplete: true } });
    await clock.advance(2_000);
    write({ state: { desired: { config: 'x'.repeat(7_500) } } });
    await reporter.reportCommand({ ...ANSWER, result: { text: 'y'.repeat(500) } });
    expect(reported().lastCommand).toMatchObject({ id: 'c1', status: 'SUCCEEDED' });
    expect(reported().lastCommand).not.toHaveProperty('result');
    write({ state: { desired: { config: null } } });
    await clock.advance(COMPARE_MS + HEARTBEAT_MS);
    expect(reported()).toMatchObject({ nodes: { total: 1 }, lastCommand: { result: { text: expect.any(String) } } });
  });
});
