import { expect, test } from 'vitest';
import { isoTime, nodeIdOf, unknownNode } from '../../../agent/nodes/model.ts';

test('a node of which nothing is known says so', () => {
  const node = unknownNode('rs485', 'osdp', '5');
  expect(node).toMatchObject({ nodeId: 'rs485/5', available: false, vendor: null, security: null, tamper: null, capabilities: [] });
});

test('ids and times are as the contract writes them', () => {
  expect(nodeIdOf('gate', '0x1')).toBe('gate/0x1');
  expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z');
});
