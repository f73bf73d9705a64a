import { expect, test } from 'vitest';
import { compareNodes, isoTime, nodeIdOf, unknownNode } from '../../../agent/nodes/model.ts';

test('a node of which nothing is known says so', () => {
  const node = unknownNode('rs485', 'osdp', '5');
  expect(node).toMatchObject({ nodeId: 'rs485/5', available: false, vendor: null, security: null, tamper: null, capabilities: [] });
});

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

test('ids and times are as the contract writes them', () => {
  expect(nodeIdOf('gate', '0x1')).toBe('gate/0x1');
  expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z');
});
