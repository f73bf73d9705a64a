import { expect, test } from 'vitest';
import { createJoinedSubscriptions, type Subscription } from '../../../../agent/cloud/connection/joined-subscriptions.ts';

const named = (...filters: string[]): Subscription[] => filters.map((filter) => ({ filter, qos: 0 }));

/** Answers each filter with the length of its name. */
function make() {
  const packets: string[][] = [];
  const subscribe = createJoinedSubscriptions(async (subscriptions) => {
    packets.push(subscriptions.map(({ filter }) => filter));
    return subscriptions.map(({ filter }) => filter.length);
  });
  return { packets, subscribe };
}

test('what is asked for without a wait in between is one packet; each caller gets the codes of its own filters', async () => {
  const { packets, subscribe } = make();
  expect(await Promise.all([subscribe(named('a', 'bb')), subscribe(named('ccc')), subscribe(named('dddd', 'e'))])).toEqual([
    [1, 2],
    [3],
    [4, 1],
  ]);
  expect(await subscribe(named('later'))).toEqual([5]);
  expect(packets).toEqual([['a', 'bb', 'ccc', 'dddd', 'e'], ['later']]);
});

test('no packet has more than eight filters', async () => {
  const { packets, subscribe } = make();
  const asked = Array.from({ length: 5 }, (_, index) => subscribe(named(`${index}`, `${index}${index}`)));
  expect(await Promise.all(asked)).toEqual(Array(5).fill([1, 2]));
  expect(packets.map(({ length }) => length)).toEqual([8, 2]);
});

test('a packet that fails fails for all that are in it, and for nobody else', async () => {
  let calls = 0;
  const subscribe = createJoinedSubscriptions(async () => {
    calls += 1;
    if (calls === 1) throw new Error('fell');
    return [0];
  });
  const both = await Promise.allSettled([subscribe(named('a')), subscribe(named('b'))]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await subscribe(named('c'))).toEqual([0]);
});

test('a SUBACK with too few codes is a failure for all', async () => {
  const subscribe = createJoinedSubscriptions(async () => [0]);
  const both = await Promise.allSettled([subscribe(named('a')), subscribe(named('b'))]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
