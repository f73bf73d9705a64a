import { describe, expect, test } from 'vitest';
import { type CloudListeners, createCloud } from '../../../agent/cloud/cloud.ts';
import { GREET_MS } from '../../../agent/cloud/shadow/report-state.ts';
import { topicsOf } from '../../../agent/contract/topics.ts';
import { HubError } from '../../../agent/system/errors.ts';
import { createSteppedClock, settled } from '../../support/stepped-clock.ts';
import { createFakeEntropy, createFakeLog } from '../nodes/fakes.ts';
import { createFakeTransport, THING } from './fake-transport.ts';

const TOPICS = topicsOf(THING);
const SPREAD_MS = 1_000;

function make({ executions = false } = {}) {
  const clock = createSteppedClock();
  const wall = { nowMs: 1_795_300_000_000 };
  const log = createFakeLog();
  const transport = createFakeTransport(() => wall.nowMs);
  const entropy = createFakeEntropy(7);
  let uuids = 0;
  const trusted = { yes: true };
  const told: string[] = [];
  const listeners: CloudListeners = {
    linkUp: () => void told.push('up'),
    linkDown: () => void told.push('down'),
    takenOver: () => void told.push('taken over'),
    view: (view) => void told.push(`view ${view.source} ${view.version}`),
    updated: (version) => void told.push(`updated ${version}`),
    request: (id) => void told.push(`request ${id}`),
  };
  const cloud = createCloud({
    transport,
    targets: [
      { host: 'iot', port: 8883 },
      { host: 'iot', port: 443 },
    ],
    connection: { spreadMs: SPREAD_MS, minBackoffMs: 2_000, maxBackoffMs: 128_000, maxUnreachableBackoffMs: 28_000, settleMs: 30_000 },
    clientId: THING,
    keepAliveSeconds: 30,
    topics: TOPICS,
    identity: { hubId: 'h', serial: 's', model: 'm', vendorName: 'v', version: '1.2.3' },
    executions,
    heartbeatMs: 900_000,
    uptimeSeconds: () => clock.nowMs() / 1000,
    clockTrusted: () => trusted.yes,
    listeners,
    wallClock: { nowMs: () => wall.nowMs },
    clock,
    entropy: { ...entropy, uuid: () => `session-${++uuids}` },
    log,
  });
  const nextLink = async (withinMs = 300_000) => {
    const count = transport.links.length;
    await clock.until(() => transport.links.length > count, withinMs);
    return transport.last();
  };
  return {
    clock,
    wall,
    log,
    transport,
    trusted,
    told,
    cloud,
    nextLink,
    /** A settled session with its first report out. */
    async online() {
      cloud.start();
      const link = transport.links[0] ?? (await nextLink());
      link.up();
      await clock.advance(31_000);
      return link;
    },
  };
}

describe('while the rest of the agent is made ready', () => {
  test('the connection is made, and says and asks nothing before', async () => {
    const { cloud, transport, clock, told } = make();
    const ready = Promise.withResolvers<void>();
    cloud.start({ processRestart: true, ready: ready.promise });
    await clock.until(() => transport.links.length === 1, 1_000);
    const link = transport.last();
    link.up();
    await clock.advance(5_000);
    expect([link.filters, link.sent, told]).toEqual([[], [], []]);
    ready.resolve();
    await clock.advance(100);
    expect(link.sent.map(({ topic }) => topic)).toEqual([TOPICS.presence]);
    expect(told).toContain('up');
  });

  test('a link that fell before is not spoken over; the next one is, at once', async () => {
    const { cloud, transport, clock, told, nextLink } = make();
    const ready = Promise.withResolvers<void>();
    cloud.start({ processRestart: true, ready: ready.promise });
    await clock.until(() => transport.links.length === 1, 1_000);
    const first = transport.last();
    first.up();
    first.fall('closed');
    ready.resolve();
    await settled();
    expect(cloud.facts().session).toBeNull();
    const second = await nextLink();
    expect([first.filters, first.sent, told]).toEqual([[], [], []]);
    second.up();
    await clock.advance(100);
    expect(first.filters).toEqual([]);
    expect(told).toContain('up');
  });
});

describe('a session', () => {
  test('connects with its own will, then birth, shadow, first report', async () => {
    const { online, told, transport, cloud } = make();
    const link = await online();
    const will = JSON.parse(link.options.will.payload);
    expect(link.options).toMatchObject({ target: { host: 'iot', port: 8883 }, clientId: THING, keepAliveSeconds: 30 });
    expect(will).toMatchObject({ state: 'offline', session: 'session-1', version: '1.2.3' });
    expect(told).toEqual(['up', 'view read 0', 'updated 1']);
    expect(transport.document()?.state.reported).toMatchObject({ online: true, session: 'session-1', hubId: 'h' });
    expect(cloud.facts()).toMatchObject({ phase: 'connected', session: 'session-1', reconnectCount: 0, waitReason: null, port: 8883 });
  });

  test('a connect costs one read and one update, and one more where the session before is shown online', async () => {
    const { online, nextLink, clock, transport, wall } = make();
    const operations: string[] = [];
    transport.before = (operation) => void (operation.endsWith('Shadow') && operations.push(operation));
    const first = await online();
    expect(operations.splice(0)).toEqual(['readShadow', 'updateShadow']);
    first.fall('closed');
    const second = await nextLink();
    second.up();
    await clock.advance(31_000);
    expect(operations.splice(0)).toEqual(['readShadow', 'updateShadow', 'updateShadow']);
    transport.write({ reported: { online: false } });
    wall.nowMs += 60_000;
    second.fall('closed');
    (await nextLink()).up();
    await clock.advance(31_000);
    expect(operations).toEqual(['readShadow', 'updateShadow']);
  });

  test('a birth that is not acknowledged does not keep the hub offline in the shadow; nothing else begins before it is', async () => {
    const { cloud, transport, clock, told, nextLink } = make();
    let births = 0;
    transport.before = (operation) => {
      if (operation === 'publish' && births++ === 0) throw new HubError('cloud_timeout', 'no PUBACK');
    };
    cloud.start();
    (transport.links[0] ?? (await nextLink())).up();
    await clock.advance(1);
    expect(transport.document()?.state.reported).toEqual({ online: true, session: 'session-1', lastSeen: expect.any(Number) });
    expect(told).toEqual([]);
    await clock.advance(5_000);
    expect(told[0]).toBe('up');
    expect(transport.document()?.state.reported).toMatchObject({ online: true, session: 'session-1', hubId: 'h' });
  });

  test('each link has a session and a will of its own; the shadow is read again', async () => {
    const { online, nextLink, clock, told, transport, cloud } = make();
    (await online()).fall('closed');
    expect(told.at(-1)).toBe('down');
    expect(cloud.facts()).toMatchObject({ phase: 'waiting', waitReason: 'spread', lastDown: 'closed', session: null });
    const link = await nextLink();
    link.up();
    await clock.advance(2_000);
    expect(JSON.parse(link.options.will.payload).session).toBe('session-2');
    expect(transport.document()?.state.reported).toMatchObject({ online: true, session: 'session-2' });
    expect(told.filter((what) => what.startsWith('view read'))).toHaveLength(2);
    expect(cloud.facts().reconnectCount).toBe(1);
  });

  test('what an old link still says is not ours', async () => {
    const { online, nextLink, clock, told, transport } = make();
    const old = await online();
    old.fall('keepalive');
    (await nextLink()).up();
    await clock.advance(15_000);
    const births = transport.last().sent.length;
    const before = told.length;
    old.receive(TOPICS.presence, JSON.stringify({ state: 'offline' }));
    old.delta({ source: 'delta', version: 9, timestampSeconds: 0, desired: {}, desiredMetadata: {}, reported: null });
    old.up();
    await clock.advance(5_000);
    expect(told.length).toBe(before);
    expect(transport.last().sent.length).toBe(births);
  });

  test('deltas and execution requests reach the agent while the session stands', async () => {
    const { online, told } = make({ executions: true });
    const link = await online();
    link.delta({ source: 'delta', version: 9, timestampSeconds: 0, desired: {}, desiredMetadata: {}, reported: null });
    link.receive(`$aws/commands/things/${THING}/executions/e1/request/json`, '{}');
    expect(told.slice(-2)).toEqual(['view delta 9', 'request e1']);
  });
});

describe('a read that an update of ours overtakes', () => {
  const last = (id: string, status: 'IN_PROGRESS' | 'SUCCEEDED') => ({
    id,
    command: 'server_info',
    status,
    receivedAt: 1,
    resultTopic: 't',
  });

  test('does not have us believe that the shadow is as it was: what is reported next is whole', async () => {
    const { online, cloud, transport, told } = make();
    await online();
    await cloud.reportCommand(last('c1', 'SUCCEEDED'));
    const onItsWay = Promise.withResolvers<void>();
    transport.answering = () => onItsWay.promise;
    const reads = told.filter((what) => what.startsWith('view read')).length;
    const read = cloud.readShadow();
    await settled();
    const accepted = await cloud.clearCommand(transport.document()!.version, last('c2', 'IN_PROGRESS'));
    transport.answering = () => {};
    onItsWay.resolve();
    expect((await read).version).toBeGreaterThanOrEqual(accepted);
    expect(told.filter((what) => what.startsWith('view read'))).toHaveLength(reads + 1);
    await cloud.reportCommand(last('c2', 'SUCCEEDED'));
    expect(transport.document()?.state.reported?.lastCommand).toEqual(last('c2', 'SUCCEEDED'));
  });
});

describe('connecting', () => {
  test('without a trusted clock: no connect, the reason visible, one line in the log', async () => {
    const { cloud, clock, trusted, transport, log } = make();
    trusted.yes = false;
    cloud.start();
    await clock.advance(60_000);
    expect(transport.links).toEqual([]);
    expect(cloud.facts()).toMatchObject({ phase: 'waiting', waitReason: 'clock_unsynced' });
    expect(log.lines.filter(({ event }) => event === 'cloud_waiting')).toMatchObject([{ reason: 'clock_unsynced' }]);
    trusted.yes = true;
    await clock.advance(2_000 + SPREAD_MS);
    expect(transport.links).toHaveLength(1);
  });

  test('a wall clock that jumps while connected changes nothing but timestamps', async () => {
    const { online, clock, wall, told, transport, trusted } = make();
    const link = await online();
    const before = told.length;
    wall.nowMs = 0;
    trusted.yes = false;
    // The first heartbeat comes between the half and the whole of its time.
    await clock.advance(300_000);
    wall.nowMs = 4_000_000_000_000;
    await clock.advance(100_000);
    expect(link.open).toBe(true);
    expect(told.length).toBe(before);
    expect(transport.links).toHaveLength(1);
    await clock.advance(500_000);
    expect(transport.document()?.state.reported).toMatchObject({ online: true, lastSeen: 4_000_000_000_000 });
  });

  test('8883 blocked: 443 after two attempts, and it stays there', async () => {
    const { cloud, nextLink, clock } = make();
    cloud.start();
    (await nextLink()).fall('network');
    (await nextLink()).fall('network');
    const link = await nextLink();
    expect(link.options.target.port).toBe(443);
    expect(cloud.facts().port).toBe(443);
    link.up();
    await clock.advance(60_000);
    link.fall('closed');
    expect((await nextLink()).options.target.port).toBe(443);
  });

  test('a certificate that cannot be read: the backoff, not a tight loop, nor a stop for ever', async () => {
    const { cloud, clock, transport, log } = make();
    let tries = 0;
    transport.onConnect = () => {
      tries++;
      throw new Error('cannot read the key');
    };
    cloud.start();
    await clock.advance(600_000);
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(60);
    expect(cloud.facts()).toMatchObject({ phase: 'waiting', lastDown: 'tls' });
    expect(log.events()).toContain('cloud_down');
  });

  test('another client with our id: reported, counted, and left alone for a while', async () => {
    const { online, nextLink, clock, cloud, log, told } = make();
    const link = await online();
    const fellAt = clock.nowMs();
    link.fall('taken_over');
    // Before anything else of the next session.
    expect(told.slice(-2)).toEqual(['taken over', 'down']);
    await nextLink();
    expect(clock.nowMs() - fellAt).toBeGreaterThanOrEqual(60_000);
    expect(cloud.facts()).toMatchObject({ takeovers: 1, lastDown: 'taken_over' });
    expect(log.lines.find(({ event }) => event === 'client_id_taken_over')).toMatchObject({ level: 'error', clientId: THING });
  });

  test('a connect that never answers is given up and closed', async () => {
    const { cloud, nextLink, clock } = make();
    cloud.start();
    const link = await nextLink();
    await clock.advance(60_000);
    expect(link.open).toBe(false);
    expect(cloud.facts()).toMatchObject({ phase: 'waiting', lastDown: 'network' });
  });
});

describe('what the cloud refuses', () => {
  test('a subscription that ends the connection each time: left out after two, then the session stands', async () => {
    const { cloud, nextLink, clock, transport, told } = make({ executions: true });
    transport.before = (operation, detail, link) => {
      if (operation === 'subscribe' && detail === TOPICS.executionRequests) {
        link.fall('unauthorized');
        return new Promise<void>(() => {});
      }
      return undefined;
    };
    cloud.start();
    for (let round = 0; round < 2; round++) (await nextLink()).up();
    (await nextLink()).up();
    await clock.advance(60_000);
    expect(cloud.facts()).toMatchObject({ phase: 'connected', leftOut: ['executions'] });
    expect(transport.links).toHaveLength(3);
    expect(told).toContain('up');
  });

  test('a result that may not be published does not hold up its answer', async () => {
    const { online, cloud, transport, log } = make();
    await online();
    transport.before = (operation, detail) => {
      if (operation === 'publish' && detail.endsWith('/result')) throw new HubError('cloud_refused', '0x87');
    };
    await cloud.publish(TOPICS.commandResult('c1'), '{}');
    await cloud.publish(TOPICS.commandResult('c1'), '{}');
    expect(log.events().filter((event) => event === 'publish_left_out')).toHaveLength(2);
    expect(cloud.facts().leftOut).toEqual(['result_publish']);
  });

  test.each([
    ['the response of an execution', 'publish', '/response/json', 'response_publish'],
    ['reading the shadow', 'readShadow', '', 'shadow_read'],
  ])('%s ends the link each time, while what is akin to it works: left out, no loop', async (_what, refused, ending, left) => {
    const { online, cloud, transport, clock } = make();
    await online();
    transport.before = (operation, detail, link) => {
      if (operation !== refused || !detail.endsWith(ending)) return;
      link.fall('unauthorized');
      return new Promise(() => {});
    };
    let connects = 0;
    for (let minute = 0; minute < 10; minute++) {
      await clock.advance(60_000);
      const link = transport.last();
      if (transport.links.length > connects) link.up();
      connects = transport.links.length;
      await settled();
      await cloud.publish(TOPICS.commandResult('e1'), '{}').catch(() => {});
      await cloud.publish(TOPICS.executionResponse('e1'), '{}').catch(() => {});
      await cloud.readShadow().catch(() => {});
    }
    expect(cloud.facts().leftOut).toEqual([left]);
    expect(transport.links.length).toBeLessThanOrEqual(4);
  });

  test.each([
    ['names the packet: left out after six', { accuses: true }, ['result_publish']],
    ['has a reason of its own: never', undefined, []],
  ] as const)('a result over which the server ends the link each time, and %s', async (_what, more, left) => {
    const { online, cloud, transport, clock } = make();
    await online();
    transport.before = (operation, detail, link) => {
      if (operation !== 'publish' || !detail.endsWith('/result')) return;
      link.fall('kicked', more);
      return new Promise(() => {});
    };
    for (let minute = 0; minute < 9; minute++) {
      await cloud.publish(TOPICS.commandResult('c1'), '{}').catch(() => {});
      const connects = transport.links.length;
      await clock.advance(60_000);
      if (transport.links.length > connects) transport.last().up();
      await settled();
    }
    expect(cloud.facts().leftOut).toEqual(left);
  });

  test('the answer of an execution, which stands nowhere else, waits until it may be published; its pages do not hold it up', async () => {
    const { online, cloud, transport } = make();
    const link = await online();
    const answer = TOPICS.executionResponse('e1');
    transport.before = (operation, detail) => {
      if (operation === 'publish' && detail !== TOPICS.presence) throw new HubError('cloud_refused', '0x87');
    };
    await cloud.publish(TOPICS.commandResult('e1'), '{}');
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(cloud.publish(answer, '{}')).rejects.toMatchObject({ code: 'cloud_refused' });
    expect(link.sent.filter(({ topic }) => topic === answer)).toHaveLength(1);
    expect(cloud.facts().leftOut).toEqual(['result_publish', 'response_publish']);
  });
});

describe('the shadow', () => {
  test('readers share one request, and all listeners see the answer', async () => {
    const { online, cloud, transport, told } = make();
    await online();
    let reads = 0;
    transport.before = (operation) => {
      if (operation === 'readShadow') reads++;
    };
    const before = told.length;
    const [one, two] = await Promise.all([cloud.readShadow(), cloud.readShadow()]);
    expect(one).toBe(two);
    expect(reads).toBe(1);
    expect(told.length).toBe(before + 1);
  });

  test('a read whose link fell does not speak for the next one', async () => {
    const { online, nextLink, clock, cloud, transport, told } = make();
    const link = await online();
    let finish = () => {};
    transport.before = (operation) =>
      operation === 'readShadow'
        ? new Promise<void>((resolve) => {
            finish = resolve;
          })
        : undefined;
    const read = cloud.readShadow().catch((error: HubError) => error.code);
    await settled();
    link.fall('closed');
    expect(await read).toBe('cloud_disconnected');
    transport.before = () => {};
    (await nextLink()).up();
    await clock.advance(2_000);
    const before = told.length;
    finish();
    await clock.advance(2_000);
    expect(told.length).toBe(before);
  });

  test('a command is cleared under its version; a stale one is told', async () => {
    const { online, cloud, transport } = make();
    await online();
    transport.write({ desired: { command: 'get_nodes', args: {} } });
    const { version } = transport.document()!;
    await expect(cloud.clearCommand(version - 1, null)).rejects.toMatchObject({ code: 'shadow_conflict' });
    expect(await cloud.clearCommand(version, null)).toBe(version + 1);
    expect(transport.document()?.state.desired ?? {}).toEqual({});
  });

  test('without a link, everything is refused at once', async () => {
    const { cloud } = make();
    await expect(cloud.readShadow()).rejects.toMatchObject({ code: 'cloud_disconnected' });
    await expect(cloud.publish('t', '')).rejects.toMatchObject({ code: 'cloud_disconnected' });
  });
});

describe('reachable', () => {
  test('fresh: a new session, at once, and resolved by its birth', async () => {
    const { online, nextLink, clock, cloud } = make();
    const link = await online();
    let reached = false;
    void cloud.reachable(new AbortController().signal, { fresh: true }).then(() => {
      reached = true;
    });
    expect(link.open).toBe(false);
    const next = await nextLink(2_000);
    await settled();
    expect(reached).toBe(false);
    next.up();
    await clock.advance(10);
    expect(reached).toBe(true);
  });

  test('not fresh: an acknowledged birth of the present session is enough', async () => {
    const { online, cloud, transport } = make();
    await online();
    await cloud.reachable(new AbortController().signal);
    expect(transport.links).toHaveLength(1);
  });

  test('not fresh, but the session is dead: a new one', async () => {
    const { online, nextLink, clock, cloud, transport } = make();
    await online();
    transport.before = (operation) => {
      if (operation === 'publish') throw new HubError('cloud_timeout', 'no PUBACK');
    };
    const reached = cloud.reachable(new AbortController().signal);
    await settled();
    transport.before = () => {};
    (await nextLink(5_000)).up();
    await clock.advance(10);
    await reached;
  });

  test('aborted: says so, once, and leaves no listener', async () => {
    const { cloud } = make();
    const abort = new AbortController();
    const reached = cloud.reachable(abort.signal, { fresh: true });
    abort.abort();
    await expect(reached).rejects.toMatchObject({ code: 'aborted' });
    await expect(cloud.reachable(abort.signal)).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('stopping', () => {
  test('offline on the topic, then in the shadow, then the link, and no timer is left', async () => {
    const { online, cloud, clock, transport } = make();
    const link = await online();
    await cloud.stop();
    expect(JSON.parse(link.sent.at(-1)!.payload)).toMatchObject({ state: 'offline', session: 'session-1' });
    expect(transport.document()?.state.reported).toMatchObject({ online: false, session: 'session-1' });
    expect(link.closed).toBe('silently');
    expect(cloud.facts().phase).toBe('stopped');
    await clock.advance(3_600_000);
    expect(transport.links).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  test('a cloud that does not answer does not hold up the stop', async () => {
    const { online, cloud, clock, transport } = make();
    const link = await online();
    transport.before = () => new Promise(() => {});
    let stopped = false;
    void cloud.stop().then(() => {
      stopped = true;
    });
    await clock.advance(2_000);
    expect(stopped).toBe(true);
    // The will says what the goodbye could not.
    expect(link.closed).toBe('with will');
    expect(clock.timers).toBe(0);
  });

  test('before the shadow was read: offline is reported all the same', async () => {
    const { cloud, nextLink, transport, clock } = make();
    transport.before = (operation) => (operation === 'readShadow' ? new Promise(() => {}) : undefined);
    cloud.start();
    const link = await nextLink();
    link.up();
    await clock.advance(GREET_MS);
    expect(transport.document()?.state.reported).toMatchObject({ online: true, session: 'session-1' });
    const stopped = cloud.stop();
    await clock.advance(500);
    await stopped;
    expect(transport.document()?.state.reported).toMatchObject({ online: false, session: 'session-1' });
    expect(link.closed).toBe('silently');
    expect(clock.timers).toBe(0);
  });

  test('while the session is still opening: what a process before left in the shadow does not stand', async () => {
    const { cloud, nextLink, transport, clock } = make();
    // A last word of the process before that came after its will.
    transport.write({ reported: { online: true, session: 'before' } });
    transport.before = (operation) => (operation === 'subscribe' || operation === 'openDeltas' ? new Promise(() => {}) : undefined);
    cloud.start();
    const link = await nextLink();
    link.up();
    await settled();
    const stopped = cloud.stop();
    await clock.advance(500);
    await stopped;
    expect(transport.document()?.state.reported).toMatchObject({ online: false, session: 'session-1' });
    expect(link.closed).toBe('silently');
  });

  test('while waiting or connecting: at once', async () => {
    const { cloud, nextLink, clock } = make();
    cloud.start();
    const link = await nextLink();
    await cloud.stop();
    expect(link.open).toBe(false);
    cloud.start();
    await cloud.stop();
    expect(clock.timers).toBe(0);
  });
});
