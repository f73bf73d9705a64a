import { expect, test } from 'vitest';
import type { LibraryDevice } from '../../../../../agent/nodes/zigbee/host/library.ts';
import { type AskNeighbours, type NeighbourPage, neighboursOf } from '../../../../../agent/nodes/zigbee/host/map.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';

const address = (index: number) => `0x${index.toString(16).padStart(16, '0')}`;
const device = (index: number, type = 'Router') => ({ ieeeAddr: address(index), networkAddress: index, type }) as LibraryDevice;
const COORDINATOR = device(0, 'Coordinator');
const row = (eui64: string, relationship = 1, lqi = 200) => ({ eui64, relationship, lqi });
const page = (entries: number, ...entryList: NeighbourPage['entryList']): NeighbourPage => ({ neighborTableEntries: entries, entryList });

test('every router is asked page after page; sleeping devices are not', async () => {
  const asked: string[] = [];
  const ask: AskNeighbours = async ({ ieeeAddr }, start) => {
    asked.push(`${Number(ieeeAddr)} ${start}`);
    return page(3, row(address(10 + start), start));
  };
  const map = await neighboursOf(COORDINATOR, [device(1), device(2, 'EndDevice')], ask, createSteppedClock());
  expect(asked).toEqual(['0 0', '0 1', '0 2', '1 0', '1 1', '1 2']);
  expect(map.neighbours.slice(0, 3).map(({ relation }) => relation)).toEqual(['parent', 'child', 'sibling']);
  expect(map.unasked).toEqual([]);
});

test('a router that claims more rows than it gives is not asked for ever', async () => {
  let asked = 0;
  const ask: AskNeighbours = async () => {
    asked += 1;
    return page(255, ...(asked === 1 ? [row(address(9))] : []));
  };
  expect((await neighboursOf(COORDINATOR, [], ask, createSteppedClock())).neighbours).toHaveLength(1);
  expect(asked).toBe(2);
});

test('a router that gives the same rows for ever ends, and so does one that names itself', async () => {
  const ask: AskNeighbours = async () => page(9_999, row(address(1)), row(address(2)), row(address(1)));
  const { neighbours } = await neighboursOf(undefined, [device(1), device(2)], ask, createSteppedClock());
  expect(neighbours.length).toBeLessThanOrEqual(2 * 256);
  expect(neighbours.filter(({ of, address: heard }) => of === heard)).toEqual([]);
});

test('a router that is off costs ten seconds, is named, and is not asked on when its answer comes late', async () => {
  const clock = createSteppedClock();
  let answer: (page: NeighbourPage) => void = () => {};
  let asked = 0;
  const ask: AskNeighbours = ({ networkAddress }) => {
    if (networkAddress !== 1) return Promise.resolve(page(0));
    asked += 1;
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const map = await clock.settle(neighboursOf(COORDINATOR, [device(1), device(2)], ask, clock), 11_000);
  expect(map.unasked).toEqual([address(1)]);
  answer(page(200, row(address(5))));
  await clock.advance(60_000);
  expect([asked, clock.timers]).toEqual([1, 0]);
});

test('three hundred routers that are off are answered within the time that the agent waits', async () => {
  const clock = createSteppedClock();
  const routers = Array.from({ length: 300 }, (_, index) => device(index + 1));
  const map = await clock.settle(
    neighboursOf(COORDINATOR, routers, () => new Promise(() => {}), clock),
    151_000,
  );
  expect(map.unasked).toHaveLength(301);
});

test('rows that are none are left out, numbers that are none are bounded', async () => {
  const rows = [row('0x00158D00000000AA'), row('5'), row(address(7), 9, 999), row(address(8), 1, -3)];
  const { neighbours } = await neighboursOf(COORDINATOR, [], async () => page(rows.length, ...rows), createSteppedClock());
  expect(neighbours).toEqual([
    { of: address(0), address: address(7), relation: 'other', quality: 255 },
    { of: address(0), address: address(8), relation: 'child', quality: 0 },
  ]);
});

test('a table of the largest networks has a bound', async () => {
  const routers = Array.from({ length: 200 }, (_, index) => device(index + 1));
  const rows = Array.from({ length: 255 }, (_, index) => row(address(1_000 + index)));
  const { neighbours } = await neighboursOf(undefined, routers, async () => page(255, ...rows), createSteppedClock());
  expect(neighbours).toHaveLength(8_192);
});
