import { describe, expect, test } from 'vitest';
import { createQuarantine, FIRST_QUARANTINE_MS } from '../../../../agent/cloud/connection/quarantine.ts';
import { createSession } from '../../../../agent/cloud/session/session.ts';
import { topicsOf } from '../../../../agent/contract/topics.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { createSteppedClock, settled } from '../../../support/stepped-clock.ts';
import { createFakeLog } from '../../nodes/fakes.ts';
import { createFakeTransport, THING } from '../fake-transport.ts';

const TOPICS = topicsOf(THING);
const OFFLINE = JSON.stringify({ state: 'offline', session: 'old', at: 1, version: '1' });

function make({ executions = false } = {}) {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const transport = createFakeTransport();
  const quarantine = createQuarantine({ clock, log });
  const downs: string[] = [];
  const link = transport.connect(
    { target: { host: 'h', port: 1 }, clientId: THING, keepAliveSeconds: 30, will: { topic: TOPICS.presence, payload: '' } },
    {
      onUp() {},
      onDown: ({ reason }) => void downs.push(reason),
      onMessage: (topic, payload, retained) => session.message(topic, payload, retained),
      onDelta() {},
      onUnreadable() {},
    },
  );
  const fake = transport.last();
  const told = { ready: 0, unanswered: 0, rebirths: 0, requests: [] as string[] };
  const order: string[] = [];
  const before = { run: (_operation: string, _detail: string): void | Promise<void> => {} };
  transport.before = (operation, detail) => {
    order.push(`${operation} ${detail}`.trim());
    return before.run(operation, detail);
  };
  const open = () =>
    createSession({
      id: 'mine',
      link,
      topics: TOPICS,
      version: '1.2.3',
      executions,
      quarantine,
      wallClock: { nowMs: () => 42 },
      clock,
      entropy: { unit: () => 1 },
      log,
      onReady: () => {
        told.ready++;
        order.push('ready');
      },
      onBirthUnanswered: () => {
        told.unanswered++;
      },
      onRequest: (id, payload) => void told.requests.push(`${id} ${payload}`),
      onRebirth: () => {
        told.rebirths++;
      },
    });
  let session = null as unknown as ReturnType<typeof open>;
  const births = () => fake.sent.filter(({ payload }) => JSON.parse(payload).state === 'online').length;
  return {
    clock,
    log,
    fake,
    quarantine,
    told,
    order,
    before,
    downs,
    births,
    async open() {
      session = open();
      session.born.catch(() => {});
      await settled();
      return session;
    },
  };
}

describe('opening', () => {
  test('own topic, deltas, executions, birth, and only then ready', async () => {
    const { open, order, fake } = make({ executions: true });
    const session = await open();
    await session.born;
    expect(order).toEqual([
      `subscribe ${TOPICS.presence}`,
      'openDeltas',
      `subscribe ${TOPICS.executionRequests}`,
      `publish ${TOPICS.presence}`,
      'ready',
    ]);
    expect(fake.sent).toEqual([
      { topic: TOPICS.presence, retain: true, payload: JSON.stringify({ state: 'online', session: 'mine', at: 42, version: '1.2.3' }) },
    ]);
  });

  test('all subscriptions at once; one after the other when something is suspected', async () => {
    for (const suspicious of [false, true]) {
      const { open, order, before, quarantine } = make({ executions: true });
      if (suspicious) {
        const fell = quarantine.guard('result_publish', () => Promise.reject(new HubError('cloud_disconnected', 'fell')));
        await fell.catch(() => {});
        quarantine.linkFell('closed');
      }
      before.run = (operation) => (operation === 'publish' ? undefined : new Promise(() => {}));
      await open();
      expect(order).toEqual(
        suspicious
          ? [`subscribe ${TOPICS.presence}`]
          : [`subscribe ${TOPICS.presence}`, 'openDeltas', `subscribe ${TOPICS.executionRequests}`],
      );
    }
  });

  test('a link that falls in between: never ready', async () => {
    const { open, fake, before, told } = make();
    before.run = (operation) => (operation === 'openDeltas' ? new Promise(() => {}) : undefined);
    const session = await open();
    fake.fall('closed');
    await expect(session.born).rejects.toMatchObject({ code: 'cloud_disconnected' });
    expect(told.ready).toBe(0);
  });

  test('an operation fails for want of a link before the link says why it fell: that reason is waited for, a second at most', async () => {
    for (const says of [true, false]) {
      const { open, fake, before, downs, clock } = make();
      before.run = (operation) => {
        if (operation === 'openDeltas') throw new HubError('cloud_disconnected', 'fell');
      };
      const session = await open();
      await expect(session.born).rejects.toMatchObject({ code: 'cloud_disconnected' });
      expect(fake.open).toBe(true);
      if (says) fake.fall('unauthorized');
      await clock.advance(1_000);
      expect(downs).toEqual([says ? 'unauthorized' : 'local']);
      session.end();
      expect(clock.timers).toBe(0);
    }
  });

  test('an operation that is not answered ends the link: a deaf session is none', async () => {
    const { open, fake, before, log } = make();
    before.run = (operation) => {
      if (operation === 'openDeltas') throw new HubError('cloud_timeout', 'no SUBACK');
    };
    const session = await open();
    await expect(session.born).rejects.toMatchObject({ code: 'cloud_timeout' });
    expect(fake.open).toBe(false);
    expect(log.events()).toContain('session_failed');
  });

  test('a birth that the broker does not take is published again over the same link, with growing pauses', async () => {
    const { open, fake, before, told, clock, births } = make();
    before.run = (operation) => {
      if (operation === 'publish' && births() < 3) throw new HubError('cloud_timeout', '0x97');
    };
    const session = await open();
    await clock.advance(2_000 + 3_999);
    expect(births()).toBe(2);
    await clock.advance(1);
    await session.born;
    expect([births(), told.ready, fake.open]).toEqual([3, 1, true]);
    expect(told.unanswered).toBe(1);
  });

  test('a birth that is never taken ends the link; one that waits to be repeated ends with it, or with the goodbye', async () => {
    for (const how of ['never', 'fall', 'goodbye'] as const) {
      const { open, fake, before, told, clock, births } = make();
      before.run = (_operation, detail) => {
        if (detail === TOPICS.presence && how !== 'goodbye' && births() > 0) throw new HubError('cloud_timeout', '0x97');
        if (detail === TOPICS.presence && births() === 1 && how === 'goodbye' && fake.sent.length === 1)
          throw new HubError('cloud_timeout', '0x97');
      };
      const session = await open();
      const born = session.born.then(
        () => 'born',
        (error: HubError) => error.code,
      );
      if (how === 'never') await clock.advance(120_000);
      if (how === 'fall') session.end();
      if (how === 'goodbye') await session.goodbye();
      expect(await born).toBe({ never: 'cloud_timeout', fall: 'cloud_disconnected', goodbye: 'born' }[how]);
      expect([births(), fake.open, told.ready]).toEqual([how === 'never' ? 6 : 1, how !== 'never', 0]);
      expect(clock.timers).toBe(0);
    }
  });

  test('what is refused is left out, said, and tried again in a session of its own when its time is over', async () => {
    const { open, fake, before, log, clock, told, quarantine } = make();
    before.run = (operation, detail) => {
      if (operation === 'subscribe' && detail === TOPICS.presence) throw new HubError('cloud_refused', '0x87');
    };
    const session = await open();
    await session.born;
    expect(told.ready).toBe(1);
    expect(quarantine.list()).toEqual(['presence_subscribe']);
    expect(log.events()).toContain('session_incomplete');
    await clock.advance(FIRST_QUARANTINE_MS - 1);
    expect(fake.open).toBe(true);
    await clock.advance(1);
    expect(fake.open).toBe(false);
    expect(log.events()).toContain('session_renewed');
    session.end();
    expect(clock.timers).toBe(0);
  });
});

describe('the own topic', () => {
  test('an offline while we are online, such as a late will: the birth again, and the shadow told', async () => {
    const { open, fake, clock, births, told, log } = make();
    await open();
    await clock.advance(5_000);
    fake.receive(TOPICS.presence, OFFLINE);
    await clock.advance(0);
    expect(births()).toBe(2);
    expect(told.rebirths).toBe(1);
    expect(log.events()).toContain('presence_contradicted');
  });

  test.each([
    ['a retained offline, replayed on subscribing', OFFLINE, true],
    ['our own birth', JSON.stringify({ state: 'online', session: 'mine' }), false],
    ['the birth of an older session', JSON.stringify({ state: 'online', session: 'older' }), false],
    ['something else, replayed on subscribing', 'not json', true],
  ])('%s is no news', async (_what, payload, retained) => {
    const { open, fake, clock, births } = make();
    await open();
    await clock.advance(5_000);
    fake.receive(TOPICS.presence, payload, retained);
    await clock.advance(10_000);
    expect(births()).toBe(1);
  });

  test.each([
    ['cleared', ''],
    ['overwritten by junk', 'not json'],
    ['overwritten by another object', '{"state":"away"}'],
    ['overwritten by no object', 'null'],
  ])('a birth that is %s is published again; the shadow has nothing to correct', async (_what, payload) => {
    const { open, fake, clock, births, told, log } = make();
    await open();
    await clock.advance(5_000);
    fake.receive(TOPICS.presence, payload);
    await clock.advance(10_000);
    expect([births(), told.rebirths]).toEqual([2, 0]);
    expect(log.events()).toContain('presence_overwritten');
  });

  test('an offline among junk is corrected in the shadow, too', async () => {
    const { open, fake, clock, births, told } = make();
    await open();
    fake.receive(TOPICS.presence, '');
    fake.receive(TOPICS.presence, OFFLINE);
    fake.receive(TOPICS.presence, 'junk');
    await clock.advance(10_000);
    expect([births(), told.rebirths]).toEqual([2, 1]);
  });

  test('an offline that overtakes the acknowledgement of the birth is answered, too', async () => {
    const { open, fake, clock, before, births } = make();
    let acknowledge = () => {};
    before.run = (operation) =>
      operation === 'publish' && births() === 1
        ? new Promise<void>((resolve) => {
            acknowledge = resolve;
          })
        : undefined;
    await open();
    fake.receive(TOPICS.presence, OFFLINE);
    acknowledge();
    await clock.advance(1_000);
    expect(births()).toBe(2);
  });

  test('many offlines, or another hub that answers ours: at most one birth a second', async () => {
    const { open, fake, clock, births } = make();
    await open();
    for (let tenth = 0; tenth < 100; tenth++) {
      fake.receive(TOPICS.presence, OFFLINE);
      fake.receive(TOPICS.presence, OFFLINE);
      await clock.advance(100);
    }
    expect(births()).toBeLessThanOrEqual(12);
    expect(births()).toBeGreaterThanOrEqual(9);
  });

  test('after the goodbye, our own offline is not contradicted, nor after the end', async () => {
    const { open, fake, clock, births } = make();
    const session = await open();
    await clock.advance(5_000);
    await session.goodbye();
    expect(JSON.parse(fake.sent.at(-1)!.payload)).toMatchObject({ state: 'offline', session: 'mine' });
    fake.receive(TOPICS.presence, OFFLINE);
    session.end();
    await clock.advance(10_000);
    expect(births()).toBe(1);
    expect(clock.timers).toBe(0);
  });

  test('a goodbye while the session still opens: no birth comes after it', async () => {
    const { open, before, births, told } = make();
    const opened = Promise.withResolvers<void>();
    before.run = (operation) => (operation === 'openDeltas' ? opened.promise : undefined);
    const session = await open();
    await session.goodbye();
    opened.resolve();
    await session.born;
    expect(births()).toBe(0);
    expect(told.ready).toBe(0);
  });

  test('a birth that is not taken is no crash', async () => {
    const { open, fake, clock, before, log } = make();
    await open();
    before.run = () => {
      throw new HubError('cloud_timeout', 'no PUBACK');
    };
    fake.receive(TOPICS.presence, OFFLINE);
    await clock.advance(2_000);
    expect(log.events()).toContain('rebirth_failed');
  });

  test('a rebirth that is not acknowledged: the shadow is told at once, the topic until it is taken', async () => {
    const { open, fake, clock, before, births, told } = make();
    const session = await open();
    await clock.advance(5_000);
    before.run = (operation) => {
      if (operation === 'publish') throw new HubError('cloud_timeout', 'no PUBACK');
    };
    fake.receive(TOPICS.presence, OFFLINE);
    await clock.advance(0);
    expect(told.rebirths).toBe(1);
    await clock.advance(20_000);
    const tries = births();
    expect(tries).toBeGreaterThanOrEqual(4);
    before.run = () => {};
    await clock.advance(5_000);
    expect(births()).toBe(tries + 1);
    await clock.advance(60_000);
    expect(births()).toBe(tries + 1);
    session.end();
    expect(clock.timers).toBe(0);
  });
});

test('its own presence is heard without acknowledgements, executions with them', async () => {
  const rig = make({ executions: true });
  await rig.open();
  expect(rig.fake.qos).toEqual({ [TOPICS.presence]: 0, [TOPICS.executionRequests]: 1 });
});

test('confirm resolves with the acknowledgement of a birth', async () => {
  const { open, before, births } = make();
  const session = await open();
  await session.confirm();
  expect(births()).toBe(2);
  before.run = () => {
    throw new HubError('cloud_timeout', 'no PUBACK');
  };
  await expect(session.confirm()).rejects.toMatchObject({ code: 'cloud_timeout' });
});

test('requests of executions are passed on, other topics are not', async () => {
  const { open, fake, told } = make({ executions: true });
  await open();
  fake.receive(`$aws/commands/things/${THING}/executions/e-1/request/json`, '{}');
  fake.receive(`$aws/commands/things/${THING}/executions/e-1/response/accepted/json`, '{}');
  fake.receive('hubs/other/presence', OFFLINE);
  expect(told.requests).toEqual(['e-1 {}']);
});
