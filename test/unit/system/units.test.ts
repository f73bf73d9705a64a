import { expect, test } from 'vitest';
import { utc } from '../../../agent/system/units.ts';

test('a time is shown to the second', () => {
  expect(utc(1_795_300_000_123)).toBe('2026-11-21 22:26:40 UTC');
});

test.each([1e300, 2 ** 53, -1e300, Number.NaN, Number.POSITIVE_INFINITY])(
  '%s is no time, and is shown as none in the same width',
  (value) => {
    expect(utc(value)).toHaveLength(utc(0).length);
    expect(utc(value)).toContain('????');
  },
);
