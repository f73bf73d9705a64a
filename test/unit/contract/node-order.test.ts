import { expect, test } from 'vitest';
import { compareNodes } from '../../../agent/contract/node-order.ts';
import { unknownNode } from '../../../agent/nodes/model.ts';

test('nodes are ordered by bus, then by the address as a number, then as text', () => {
  const order = (ids: [string, string][]) =>
    ids
      .map(([bus, address]) => unknownNode(bus, 'osdp', address))
      .sort(compareNodes)
      .map((node) => node.nodeId);
  expect(
    order([
      ['b', '1'],
      ['a', '10'],
      ['a', '9'],
      ['a', '9'],
    ]),
  ).toEqual(['a/9', 'a/9', 'a/10', 'b/1']);
  expect(
    order([
      ['z', '0x00158d0001020305'],
      ['z', '0x00158d0001020304'],
    ]),
  ).toEqual(['z/0x00158d0001020304', 'z/0x00158d0001020305']);
});
