import { expect, test } from 'vitest';
import { createRecheckQueue } from '../../../../../agent/nodes/osdp/bus/recheck-queue.ts';
import { DEFAULT_TIMINGS, wireMs } from '../../../../../agent/nodes/osdp/bus/timings.ts';
import { initialWindow, observeLatency } from '../../../../../agent/nodes/osdp/port/window.ts';

const after = (latencies: number[]) =>
  latencies.reduce((window, latency) => observeLatency(window, latency, DEFAULT_TIMINGS), initialWindow(DEFAULT_TIMINGS)).windowMs;

test('the window begins at its default and follows the median answer within its bounds', () => {
  expect(after([])).toBe(DEFAULT_TIMINGS.initialWindowMs);
  expect(after([0, 0, 0])).toBe(DEFAULT_TIMINGS.minWindowMs);
  expect(after([-5])).toBe(DEFAULT_TIMINGS.minWindowMs);
  expect(after([15, 15, 15])).toBeGreaterThan(15);
  expect(after([190, 190, 190])).toBe(DEFAULT_TIMINGS.maxWindowMs);
});

test('one slow peripheral does not slow the scan down, many do', () => {
  const quick = after([5, 5, 5, 5]);
  expect(after([5, 5, 40, 5, 5])).toBe(quick);
  expect(after([5, 40, 40, 40])).toBeGreaterThan(40);
});

test('the window forgets how the line was', () => {
  expect(after([...Array(50).fill(60), ...Array(15).fill(5)])).toBe(DEFAULT_TIMINGS.minWindowMs);
});

test('bytes on the wire take ten bits each', () => {
  expect(wireMs(10, 9600)).toBeCloseTo(10.417, 3);
  expect(wireMs(10, 115200)).toBeCloseTo(0.868, 3);
});

test('noise puts everybody in doubt who was asked within a full wait, the last one first and the one being asked last', () => {
  const rechecks = createRecheckQueue(200);
  rechecks.silent(1, 0, 'nothing');
  rechecks.silent(2, 150, 'nothing');
  rechecks.silent(3, 250, 'nothing');
  rechecks.silent(4, 300, 'noise');
  expect(rechecks.take()).toEqual([{ addresses: [3, 2, 4], late: true }]);
  expect(rechecks.take()).toEqual([]);
});

test('a late frame that was understood puts only the one being asked in doubt', () => {
  const rechecks = createRecheckQueue(200);
  rechecks.silent(1, 0, 'nothing');
  rechecks.silent(2, 50, 'stray');
  expect(rechecks.take()).toEqual([{ addresses: [2], late: false }]);
});

test('a line full of noise does not pile up rechecks', () => {
  const rechecks = createRecheckQueue(200);
  for (let address = 0; address < 1_000; address++) rechecks.silent(address, address, 'noise');
  expect(rechecks.take().length).toBeLessThanOrEqual(64);
});
