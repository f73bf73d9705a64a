import { expect, test } from 'vitest';
import type { Fault } from '../../../../scripts/demo/page/faults/fault.ts';
import { createFaultPanel } from '../../../../scripts/demo/page/faults/panel.ts';

function createPanel(changes: Partial<Fault> = {}) {
  const done: string[] = [];
  const common = { group: 'Bus', name: 'It', about: '' } as const;
  const faults: Fault[] = [
    {
      ...common,
      id: 'switch',
      kind: 'switch',
      target: true,
      begun: (target) => `${target} on`,
      ended: (target) => `${target} off`,
      begin: (target) => void done.push(`begin ${target}`),
      end: (target) => void done.push(`end ${target}`),
      ...changes,
    },
    { ...common, id: 'act', kind: 'act', target: false, begun: () => 'acted', begin: () => void done.push('act') },
  ];
  const panel = createFaultPanel(faults, [1, 5], (body) => done.push(`told ${(body as { title: string }).title}`));
  return { panel, done };
}

test('a fault is told before it is done, and a switch is switched off once', async () => {
  const { panel, done } = createPanel();
  expect(await panel.run({ id: 'switch', action: 'begin', target: 5 })).toEqual({ ok: true });
  expect(await panel.run({ id: 'switch', action: 'begin', target: 5 })).toMatchObject({ ok: false, status: 409 });
  expect(await panel.run({ id: 'switch', action: 'begin', target: 1 })).toEqual({ ok: true });
  expect(await panel.run({ id: 'switch', action: 'end', target: 5 })).toEqual({ ok: true });
  expect(await panel.run({ id: 'switch', action: 'end', target: 5 })).toMatchObject({ ok: false, status: 409 });
  expect(done).toEqual(['told 5 on', 'begin 5', 'told 1 on', 'begin 1', 'told 5 off', 'end 5']);
});

test('what is done once can be done again, and has no end', async () => {
  const { panel } = createPanel();
  expect(await panel.run({ id: 'act', action: 'begin' })).toEqual({ ok: true });
  expect(await panel.run({ id: 'act', action: 'begin' })).toEqual({ ok: true });
  expect(await panel.run({ id: 'act', action: 'end' })).toMatchObject({ ok: false, status: 409 });
});

test.each<[unknown, string]>([
  [null, 'id'],
  ['serial', 'id'],
  [{ id: 'constructor', action: 'begin' }, 'id'],
  [{ id: 'act' }, 'action'],
  [{ id: 'switch', action: 'begin' }, 'target'],
  [{ id: 'switch', action: 'begin', target: '5' }, 'target'],
  [{ id: 'switch', action: 'begin', target: 99 }, 'target'],
])('%j is refused, and says what is wrong', async (request, field) => {
  const { panel, done } = createPanel();
  expect(await panel.run(request)).toMatchObject({ ok: false, status: 400, message: expect.stringContaining(`${field}:`) });
  expect(done).toEqual([]);
});

test('one that fails says why; while it runs it is not begun again', async () => {
  let fail: (error: Error) => void = () => {};
  const { panel, done } = createPanel({ begin: () => new Promise((_, reject) => (fail = reject)) });
  const first = panel.run({ id: 'switch', action: 'begin', target: 1 });
  expect(await panel.run({ id: 'switch', action: 'begin', target: 5 })).toMatchObject({ ok: false, status: 409 });
  fail(new Error('no adapter'));
  expect(await first).toEqual({ ok: false, status: 500, message: 'no adapter' });
  expect(done).toEqual(['told 1 on', 'told not done: no adapter']);
  expect(await panel.run({ id: 'switch', action: 'end', target: 1 })).toMatchObject({ ok: false, status: 409 });
});
