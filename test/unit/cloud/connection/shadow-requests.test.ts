import { describe, expect, test } from 'vitest';
import { createShadowRequests } from '../../../../agent/cloud/connection/shadow-requests.ts';
import type { ShadowView } from '../../../../agent/contract/shadow.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { createSteppedClock, settled } from '../../../support/stepped-clock.ts';

const PREFIX = '$aws/things/hub/shadow/';

function make(shadowName: string | null = null) {
  const clock = createSteppedClock();
  const sent: { topic: string; body: Record<string, unknown> }[] = [];
  const subscribed: string[] = [];
  const deltas: ShadowView[] = [];
  const unreadable: string[] = [];
  const wire = {
    publish: async (): Promise<void> => {},
    subscribe: async (): Promise<void> => {},
  };
  const shadow = createShadowRequests({
    thingName: 'hub',
    shadowName,
    token: 'now',
    clock,
    publish(topic, payload) {
      sent.push({ topic, body: JSON.parse(payload) });
      return wire.publish();
    },
    subscribe(filters, qos) {
      subscribed.push(`${filters.join(' ')} ${qos}`);
      return wire.subscribe();
    },
    onDelta: (view) => void deltas.push(view),
    onUnreadable: (what) => void unreadable.push(what),
  });
  const receive = (name: string, body: unknown) =>
    shadow.message(name.startsWith('$') ? name : PREFIX + name, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  return { clock, sent, subscribed, deltas, unreadable, wire, shadow, receive };
}

describe('requests', () => {
  test('a read hears both answers before it asks, without acknowledging them, and once for all reads', async () => {
    const { shadow, sent, subscribed, receive, clock } = make();
    const reads = [shadow.read(), shadow.read()];
    await settled();
    expect(subscribed).toEqual([`${PREFIX}get/+ 0`]);
    expect(sent).toEqual([
      { topic: `${PREFIX}get`, body: { clientToken: 'now-1' } },
      { topic: `${PREFIX}get`, body: { clientToken: 'now-2' } },
    ]);
    receive('get/accepted', { state: { reported: { a: 2 } }, version: 8, timestamp: 9, clientToken: 'now-2' });
    receive('get/accepted', { state: { desired: { b: 1 }, reported: {} }, version: 7, timestamp: 9, clientToken: 'now-1' });
    expect(await Promise.all(reads)).toMatchObject([
      { source: 'read', version: 7, desired: { b: 1 }, timestampSeconds: 9 },
      { version: 8, reported: { a: 2 } },
    ]);
    expect(clock.timers).toBe(0);
  });

  test('an update resolves with its version; only what is given is sent', async () => {
    const { shadow, sent, subscribed, receive } = make();
    const updates = [shadow.update({ reported: { online: true } }), shadow.update({ desired: { command: null }, version: 4 })];
    await settled();
    expect(subscribed).toEqual([`${PREFIX}update/accepted ${PREFIX}update/rejected 0`]);
    expect(sent.map(({ body }) => body)).toEqual([
      { state: { reported: { online: true } }, clientToken: 'now-1' },
      { state: { desired: { command: null } }, version: 4, clientToken: 'now-2' },
    ]);
    receive('update/accepted', { version: 5, clientToken: 'now-1' });
    receive('update/rejected', { code: 409, message: 'Version conflict', clientToken: 'now-2' });
    expect(await updates[0]).toBe(5);
    await expect(updates[1]).rejects.toMatchObject({ code: 'shadow_conflict', message: 'update the shadow: 409 Version conflict' });
  });

  test('a Thing without a shadow has an empty one', async () => {
    const { shadow, receive } = make();
    const read = shadow.read();
    await settled();
    receive('get/rejected', { code: 404, message: 'No shadow exists with name: hub', clientToken: 'now-1' });
    expect(await read).toMatchObject({ version: 0, desired: {}, reported: {} });
  });

  test('a named shadow has its own topics, and hears no other', async () => {
    const { shadow, sent, subscribed, receive } = make('locks');
    const read = shadow.read();
    await settled();
    expect([subscribed, sent[0]!.topic]).toEqual([[`${PREFIX}name/locks/get/+ 0`], `${PREFIX}name/locks/get`]);
    const answer = { state: {}, version: 3, clientToken: 'now-1' };
    expect(receive('get/accepted', answer)).toBe(false);
    expect(receive('name/others/get/accepted', answer)).toBe(false);
    expect(receive('name/locks/get/accepted', answer)).toBe(true);
    expect((await read).version).toBe(3);
  });
});

describe('what does not come, or comes wrong', () => {
  test('an answer that is lost: given up after five seconds, and no answer to the next request when it comes late', async () => {
    const { shadow, receive, clock } = make();
    const lost = expect(shadow.update({ reported: {} })).rejects.toMatchObject({ code: 'cloud_timeout' });
    await clock.advance(5_000);
    await lost;
    const next = shadow.update({ reported: {} });
    await settled();
    receive('update/accepted', { version: 5, clientToken: 'now-1' });
    receive('update/accepted', { version: 6, clientToken: 'now-2' });
    expect(await next).toBe(6);
  });

  test.each([
    ['of another session', { version: 1, clientToken: 'before-1' }],
    ['without a token', { version: 1 }],
    ['with a token that is no text', { version: 1, clientToken: { toString: 1 } }],
    ['of a token that every object has', { version: 1, clientToken: 'constructor' }],
  ])('an answer %s is nobody’s', async (_what, body) => {
    const { shadow, receive, clock } = make();
    const waits = expect(shadow.update({ reported: {} })).rejects.toMatchObject({ code: 'cloud_timeout' });
    await settled();
    expect(receive('update/accepted', body)).toBe(true);
    expect(receive('update/rejected', body)).toBe(true);
    await clock.advance(5_000);
    await waits;
  });

  test('the answer to a read does not answer an update', async () => {
    const { shadow, receive, clock } = make();
    const waits = expect(shadow.update({ reported: {} })).rejects.toMatchObject({ code: 'cloud_timeout' });
    await settled();
    receive('get/accepted', { state: {}, version: 1, clientToken: 'now-1' });
    await clock.advance(5_000);
    await waits;
  });

  test.each(['', 'no JSON', '[1]', 'null', '7', '"text"', '{"a":', `${'['.repeat(60_000)}${']'.repeat(60_000)}`])(
    'a message that is no object is said to be unreadable (%#)',
    (text) => {
      const { receive, unreadable, deltas } = make();
      for (const name of ['get/accepted', 'update/rejected', 'update/delta']) expect(receive(name, text)).toBe(true);
      expect(unreadable).toHaveLength(3);
      expect(deltas).toEqual([]);
    },
  );

  test.each([
    [429, 'shadow_throttled'],
    [413, 'shadow_too_large'],
    [500, 'cloud_timeout'],
    [503, 'cloud_timeout'],
    [400, 'cloud_refused'],
    ['429', 'cloud_refused'],
    [undefined, 'cloud_refused'],
    [{}, 'cloud_refused'],
  ] as const)('rejected with %s: %s', async (code, expected) => {
    const { shadow, receive } = make();
    const update = expect(shadow.update({ reported: {} })).rejects.toMatchObject({ code: expected });
    await settled();
    receive('update/rejected', { code, message: { not: 'text' }, clientToken: 'now-1' });
    await update;
  });

  test('a long message with control characters is shortened and printable', async () => {
    const { shadow, receive } = make();
    const update = shadow.update({ reported: {} }).catch((error: HubError) => error.message);
    await settled();
    receive('update/rejected', { code: 400, message: `\u001b[2J${'x'.repeat(10_000)}`, clientToken: 'now-1' });
    expect((await update) as string).toMatch(/^update the shadow: 400 ·\[2Jx{252}$/);
  });

  test('a request that the broker does not take fails at once', async () => {
    const { shadow, wire, clock } = make();
    wire.publish = () => Promise.reject(new HubError('shadow_throttled', '0x97'));
    await expect(shadow.read()).rejects.toMatchObject({ code: 'shadow_throttled' });
    expect(clock.timers).toBe(0);
  });

  test('a subscription that fails is tried again with the next request', async () => {
    const { shadow, wire, subscribed, sent } = make();
    wire.subscribe = () => Promise.reject(new HubError('cloud_timeout', 'no SUBACK'));
    await expect(shadow.read()).rejects.toMatchObject({ code: 'cloud_timeout' });
    expect(sent).toEqual([]);
    wire.subscribe = async () => {};
    shadow.read().catch(() => {});
    await settled();
    expect([subscribed.length, sent.length]).toEqual([2, 1]);
    shadow.end();
  });

  test('the end of the link ends every wait', async () => {
    const { shadow, clock } = make();
    const waits = expect(Promise.all([shadow.read(), shadow.update({ reported: {} })])).rejects.toMatchObject({
      code: 'cloud_disconnected',
    });
    await settled();
    shadow.end();
    await waits;
    await settled();
    expect(clock.timers).toBe(0);
  });
});

test('deltas are views; other topics are not ours', async () => {
  const { shadow, subscribed, receive, deltas } = make();
  await shadow.openDeltas({ alone: true });
  expect(subscribed).toEqual([`${PREFIX}update/delta 1`]);
  receive('update/delta', { state: { command: 'x' }, metadata: { command: { timestamp: 4 } }, version: 6, timestamp: 5 });
  expect(deltas).toEqual([
    {
      source: 'delta',
      version: 6,
      timestampSeconds: 5,
      desired: { command: 'x' },
      desiredMetadata: { command: { timestamp: 4 } },
      reported: null,
    },
  ]);
  for (const topic of ['hubs/hub/presence', '$aws/things/other/shadow/update/delta', `${PREFIX}update/documents`, `${PREFIX}get`])
    expect(receive(topic, {})).toBe(false);
});

test('with the deltas the answers are subscribed to, and not once more by the first requests', async () => {
  const { shadow, subscribed } = make();
  await shadow.openDeltas();
  expect(subscribed).toEqual([`${PREFIX}update/delta 1`, `${PREFIX}get/+ 0`, `${PREFIX}update/accepted ${PREFIX}update/rejected 0`]);
  const before = subscribed.length;
  for (const request of [shadow.read(), shadow.update({ reported: {} })]) request.catch(() => {});
  await settled();
  expect(subscribed).toHaveLength(before);
});
