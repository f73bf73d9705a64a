import { expect, test } from 'vitest';
import { parseGetNodesArgs } from '../../../agent/contract/get-nodes-args.ts';

test.each([
  [undefined, { refresh: false }],
  [null, { refresh: false }],
  [{}, { refresh: false }],
  [{ refresh: null, bus: null }, { refresh: false }],
  [
    { refresh: true, bus: 'rs485', colour: 'blue' },
    { refresh: true, bus: 'rs485' },
  ],
])('%j', (args, expected) => {
  expect(parseGetNodesArgs(args)).toEqual(expected);
});

test.each<[unknown, string[]]>([
  ['all', ['args']],
  [[], ['args']],
  [{ refresh: 'yes' }, ['refresh']],
  [{ bus: '' }, ['bus']],
  [{ bus: 'x'.repeat(33) }, ['bus']],
  [{ refresh: 1, bus: 2 }, ['refresh', 'bus']],
])('%j is refused and each field is named', (args, fields) => {
  expect(() => parseGetNodesArgs(args)).toThrow(
    expect.objectContaining({ code: 'invalid_args', details: fields.map((field) => expect.objectContaining({ field })) }),
  );
});
