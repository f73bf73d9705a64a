import { expect, test } from 'vitest';
import { createLinkWatch } from '../../../../agent/wifi/networkmanager/link-watch.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';

function watch() {
  const clock = createSteppedClock();
  const told: (string | number | null)[] = [];
  const link = createLinkWatch(clock, { up: () => told.push('up'), failed: (reason) => told.push(reason) });
  return { clock, told, link };
}

const device = (state: number, reason: number) => ({ type: 'device_state', state, reason }) as const;
const active = (path: string, state: number) => ({ type: 'active_state', active: path, state }) as const;

test('a good join passes through 60 and is told once', () => {
  const { link, told } = watch();
  link.activating();
  link.handle(device(110, 60));
  link.handle(active('/old', 4));
  link.follow('/new', 1);
  link.handle(device(60, 8));
  link.handle(device(100, 0));
  link.handle(active('/new', 2));
  link.handle(active('/new', 2));
  expect(told).toEqual(['up']);
});

test('it was up before the reply came', () => {
  const { link, told } = watch();
  link.activating();
  link.handle(active('/new', 1));
  link.handle(active('/new', 2));
  link.follow('/new', 1);
  expect(told).toEqual(['up']);
});

test('no signal came, but the state says it is up', () => {
  const { link, told } = watch();
  link.activating();
  link.follow('/new', 2);
  expect(told).toEqual(['up']);
});

test.each([
  ['reason first', true],
  ['end first', false],
])('a failure is told once, with its reason: %s', async (_name, reasonFirst) => {
  const { clock, link, told } = watch();
  link.activating();
  link.follow('/new', 1);
  const signals = [device(120, 7), active('/new', 4)];
  for (const signal of reasonFirst ? signals : signals.reverse()) link.handle(signal);
  link.handle(device(30, 0));
  await clock.advance(2500);
  expect(told).toEqual([7]);
});

test('failed before the reply came', async () => {
  const { clock, link, told } = watch();
  link.activating();
  link.handle(device(120, 53));
  link.follow('/new', null);
  await clock.advance(2500);
  expect(told).toEqual([53]);
});

test('gone without a word', async () => {
  const { clock, link, told } = watch();
  link.activating();
  link.follow('/new', null);
  await clock.advance(2500);
  expect(told).toEqual([null]);
});

test('failures of before the activation, and ends of other connections, do not count', async () => {
  const { clock, link, told } = watch();
  link.handle(device(120, 53));
  link.activating();
  link.follow('/new', 1);
  link.handle(active('/old', 4));
  await clock.advance(2500);
  expect(told).toEqual([]);
});

test('up, then lost; the radio goes away', async () => {
  const { clock, link, told } = watch();
  link.activating();
  link.follow('/new', 2);
  link.handle(device(20, 37));
  await clock.advance(2500);
  expect(told).toEqual(['up', 37]);
});

test('after stop nothing is told', async () => {
  const { clock, link, told } = watch();
  link.activating();
  link.follow('/new', 1);
  link.handle(device(120, 7));
  link.stop();
  await clock.advance(2500);
  expect(told).toEqual([]);
  expect(clock.timers).toBe(0);
});

test('it knows whether the access point had let the hub in', async () => {
  for (const [states, wanted] of [
    [[40, 50, 60], false],
    [[40, 50, 60, 70], true],
  ] as const) {
    const clock = createSteppedClock();
    const told: boolean[] = [];
    const link = createLinkWatch(clock, { up: () => {}, failed: (_reason, joined) => told.push(joined) });
    link.activating();
    link.follow('/new', 1);
    for (const state of states) link.handle(device(state, 0));
    link.handle(device(120, 7));
    await clock.advance(10_000);
    expect(told).toEqual([wanted]);
  }
});
