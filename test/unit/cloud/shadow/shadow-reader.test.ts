import { expect, test } from 'vitest';
import { createShadowReader } from '../../../../agent/cloud/shadow/shadow-reader.ts';
import type { ShadowView } from '../../../../agent/contract/shadow.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { createSteppedClock, settled } from '../../../support/stepped-clock.ts';

/** A reader whose requests are answered by hand, in any order. */
function make() {
  const asked: ((version: number) => Promise<void>)[] = [];
  const failing: ((error: Error) => Promise<void>)[] = [];
  const seen: number[] = [];
  const clock = createSteppedClock();
  const pauses: number[] = [];
  const reader = createShadowReader({
    clock,
    entropy: { unit: () => 1 },
    onThrottled: (pauseMs) => void pauses.push(pauseMs),
    request() {
      const { promise, resolve, reject } = Promise.withResolvers<ShadowView>();
      asked.push(async (version) => {
        resolve({ source: 'read', version, timestampSeconds: 0, desired: {}, desiredMetadata: {}, reported: {} });
        await settled();
      });
      failing.push(async (error) => {
        reject(error);
        await settled();
      });
      return promise;
    },
    onView: ({ version }) => void seen.push(version),
  });
  return { reader, asked, failing, seen, clock, pauses };
}

test('readers share a request as long as nothing newer is known than when it was sent', async () => {
  const { reader, asked, seen } = make();
  const [first, second] = [reader.read(), reader.read()];
  expect(asked).toHaveLength(1);
  await asked[0]!(5);
  expect([(await first).version, (await second).version]).toEqual([5, 5]);
  expect(seen).toEqual([5]);
});

test('whoever comes after news gets a request of his own, shared with all who come after him', async () => {
  const { reader, asked, seen } = make();
  const first = reader.read();
  reader.heard(7);
  const [second, third] = [reader.read(), reader.read()];
  expect(asked).toHaveLength(1);
  await asked[0]!(6);
  expect((await first).version).toBe(6);
  expect(asked).toHaveLength(2);
  await asked[1]!(7);
  expect([(await second).version, (await third).version]).toEqual([7, 7]);
  expect(seen).toEqual([6, 7]);
});

test('a view from before our own update is shown to nobody: it is read again', async () => {
  const { reader, asked, seen } = make();
  const read = reader.read();
  reader.wrote(8);
  await asked[0]!(7);
  expect(seen).toEqual([]);
  await asked[1]!(9);
  expect((await read).version).toBe(9);
  expect(seen).toEqual([9]);
});

test('a shadow that was made anew counts from the beginning', async () => {
  const { reader, asked, seen } = make();
  reader.wrote(40);
  const read = reader.read();
  await asked[0]!(2);
  expect((await read).version).toBe(2);
  reader.wrote(3);
  const after = reader.read();
  await asked[1]!(3);
  expect((await after).version).toBe(3);
  expect(seen).toEqual([2, 3]);
});

test('a shadow that was made anew while the hub was away: our own update of it counts', async () => {
  const { reader, asked, seen } = make();
  reader.wrote(100);
  reader.reset();
  const read = reader.read();
  reader.wrote(1);
  await asked[0]!(0);
  expect(seen).toEqual([]);
  await asked[1]!(1);
  expect((await read).version).toBe(1);
});

test('a request that fails fails for those who share it, not for the next', async () => {
  const { reader, asked, failing, seen } = make();
  const first = reader.read();
  reader.heard(2);
  const second = reader.read();
  const refused = expect(first).rejects.toThrow('no answer');
  await failing[0]!(new Error('no answer'));
  await refused;
  await asked[1]!(2);
  expect((await second).version).toBe(2);
  expect(seen).toEqual([2]);
});

test('what is under way when the link ends is shared with nobody on the next', async () => {
  const { reader, asked, seen } = make();
  const old = reader.read();
  reader.reset();
  const fresh = reader.read();
  expect(asked).toHaveLength(2);
  await asked[1]!(4);
  expect((await fresh).version).toBe(4);
  expect(seen).toEqual([4]);
  await asked[0]!(4);
  await old;
});

test('at the limit of the account all readers wait together, and longer each time', async () => {
  const { reader, asked, failing, seen, clock, pauses } = make();
  const views = [reader.read(), reader.read()];
  for (const [index, pauseMs] of [2_000, 4_000, 8_000].entries()) {
    await failing[index]!(new HubError('shadow_throttled', '429'));
    expect(pauses.at(-1)).toBe(pauseMs);
    views.push(reader.read());
    await clock.advance(pauseMs - 1);
    expect(asked).toHaveLength(index + 1);
    await clock.advance(1);
    expect(asked).toHaveLength(index + 2);
  }
  await asked[3]!(5);
  expect((await Promise.all(views)).map(({ version }) => version)).toEqual([5, 5, 5, 5, 5]);
  expect(seen).toEqual([5]);
});

test('the pause ends with the link', async () => {
  const { reader, asked, failing, clock } = make();
  const refused = expect(reader.read()).rejects.toMatchObject({ code: 'cloud_disconnected' });
  await failing[0]!(new HubError('shadow_throttled', '429'));
  reader.reset();
  await refused;
  expect(asked).toHaveLength(1);
  expect(clock.timers).toBe(0);
});
