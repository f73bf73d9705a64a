import { expect, test } from 'vitest';
import { className } from '../../../../agent/hubctl/doctor/bus-checks.ts';

const DEVICES = `Character devices:
  1 mem
  4 /dev/vc/0
  4 tty
  4 ttyS
  5 /dev/tty
204 ttyAMA
207 ttymxc
240 ttySTM

Block devices:
207 loop
  8 sd
`;

test.each([
  [4, 'ttyS'],
  [207, 'ttymxc'],
  [240, 'ttySTM'],
  [8, null],
  [99, null],
])('The class of major number %i is %s', (number, name) => {
  expect(className(DEVICES, number)).toBe(name);
});
