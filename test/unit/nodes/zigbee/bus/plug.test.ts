import { expect, test } from 'vitest';
import { createPlugWatch } from '../../../../../agent/nodes/zigbee/bus/plug-watch.ts';
import { ProcessFailure } from '../../../../../agent/nodes/zigbee/process/process.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';
import { createRig } from './rig.ts';

test('a stick that is pulled again and again is up within three seconds of each plug', async () => {
  const { bus, clock, up, pull, plug, state, stop } = createRig();
  bus.start();
  await up();
  for (let round = 0; round < 20; round += 1) {
    pull();
    expect(await clock.until(() => state() === 'unavailable', 2_000)).toBeLessThanOrEqual(1_000);
    await clock.advance(round * 700);
    plug();
    expect(await up(), `round ${round}`).toBeLessThanOrEqual(3_000);
    await clock.advance(5_000);
  }
  await stop();
  expect(clock.timers).toBe(0);
});

test('a stick whose going was not noticed by the library is noticed', async () => {
  const { bus, clock, up, pull, stop } = createRig();
  bus.start();
  await up();
  pull();
  await clock.advance(1_000);
  expect(bus.status()).toMatchObject({ state: 'unavailable', error: { reason: 'lost' } });
  await stop();
});

test('a stick that was pulled and plugged in again between two looks is used again at once; other rights of its device are no matter', async () => {
  const { bus, clock, library, up, pull, plug, touch, stop } = createRig();
  bus.start();
  await up();
  const { starts } = library;
  touch();
  await clock.advance(5_000);
  expect([library.starts, bus.status().state]).toEqual([starts, 'up']);
  pull();
  plug();
  await clock.advance(1_000);
  expect(bus.status()).toMatchObject({ state: 'unavailable', error: { reason: 'lost' } });
  expect(await up()).toBeLessThanOrEqual(3_000);
  expect(library.starts).toBe(starts + 1);
  await stop();
});

test('a start that fails although the stick is there is tried ever more rarely; a stick that is plugged in then is used at once', async () => {
  const { bus, clock, library, plug, up, stop } = createRig();
  library.instead = ({ do: what }) => (what === 'start' ? new ProcessFailure('failed', 'no') : undefined);
  bus.start();
  await clock.advance(600_000);
  const { starts } = library;
  expect(starts).toBeLessThan(30);
  await clock.advance(60_000);
  expect(library.starts - starts).toBeLessThanOrEqual(2);
  library.instead = () => undefined;
  plug();
  expect(await up()).toBeLessThanOrEqual(3_000);
  await stop();
});

test('a plug that is loose starts no more than some processes', async () => {
  const { bus, clock, library, pull, plug, up, stop } = createRig();
  bus.start();
  await up();
  const { starts } = library;
  for (let round = 0; round < 300; round += 1) {
    pull();
    await clock.advance(1_000);
    plug();
    await clock.advance(1_000);
  }
  expect(library.starts - starts).toBeLessThanOrEqual(10 + 600 / 10);
  expect(await up(15_000)).toBeLessThanOrEqual(15_000);
  await stop();
});

test('while a person is waited for, another stick is looked at as soon as it is plugged in', async () => {
  const { bus, clock, library, up, pull, plug, stop } = createRig();
  bus.start();
  await up();
  const own = library.stick;
  pull();
  await clock.advance(2_000);
  library.stick = { state: 'network', coordinator: 'ff'.repeat(8), panId: 7, extendedPanId: '77'.repeat(8), channel: 11, isOurKey: false };
  plug();
  await clock.until(() => bus.status().error?.reason === 'network', 5_000);
  pull();
  await clock.advance(2_000);
  library.stick = own;
  plug();
  expect(await up()).toBeLessThanOrEqual(3_000);
  await stop();
});

test('a watch that is stopped looks no more', async () => {
  const clock = createSteppedClock();
  let looks = 0;
  const identity = async () => {
    looks += 1;
    return null;
  };
  const watch = createPlugWatch({
    clock,
    identity,
    isAtWork: () => true,
    isWaiting: () => true,
    onGone: () => watch.stop(),
    onPlugged: () => expect.unreachable(),
  });
  watch.start();
  watch.start();
  await clock.advance(10_000);
  expect([looks, clock.timers]).toEqual([1, 0]);
});
