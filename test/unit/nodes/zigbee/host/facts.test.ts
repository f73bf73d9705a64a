import { expect, test } from 'vitest';
import { factsOf, messageOf } from '../../../../../agent/nodes/zigbee/host/facts.ts';
import { createDevice } from './fake-controller.ts';

const said = (data: unknown) =>
  messageOf({ device: createDevice(), cluster: 'closuresDoorLock', type: 'attributeReport', data } as never, 1);

test.each([
  ['a number that is none', Number.NaN],
  ['an infinite number', Number.POSITIVE_INFINITY],
  ['a text without end', 'x'.repeat(300)],
  ['bytes', Buffer.from([1])],
])('%s is not passed on, and what else is in the message is', (_, doorState) => {
  expect(said({ doorState, lockState: 1, pincode: '1234' })?.values).toEqual({ lockState: 1 });
});

test('a time or an interval that cannot be is told as unknown, and the device is listed all the same', () => {
  for (const odd of [1e300, -1, Number.NaN, 253_402_300_800_000])
    expect(factsOf(createDevice({ lastSeen: odd, checkinInterval: odd }))).toMatchObject({
      model: 'V3',
      lastSeen: null,
      checkInSeconds: null,
    });
});
