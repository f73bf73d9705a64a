import { describe, expect, test } from 'vitest';
import { applyEvent } from '../../../../scripts/demo/page/model/apply.ts';
import type { EventBody, HarnessEvent, NodeRow } from '../../../../scripts/demo/page/model/events.ts';
import { emptyState, KEPT, type ViewState } from '../../../../scripts/demo/page/model/state.ts';
import { sentence } from '../../../../scripts/demo/page/model/stories.ts';
import { nodeRow as node } from './node-row.ts';

const START = 1_795_300_000_000;

/** A state after these events, each with its seconds since the start. */
function viewOf(...events: (readonly [seconds: number, body: EventBody])[]): ViewState {
  const state = emptyState();
  for (const [seconds, body] of events) applyEvent(state, { at: START + seconds * 1_000, ...body } as HarnessEvent);
  return state;
}

const nodes = (...rows: NodeRow[]): EventBody => ({ kind: 'nodes', nodes: rows });
const log = (event: string, fields: Record<string, unknown> = {}): EventBody => ({
  kind: 'log',
  level: 'info',
  event,
  text: event,
  fields,
});
const fault = (id: string, action: 'begin' | 'end', title: string, target?: number): EventBody => ({
  kind: 'fault',
  id,
  action,
  title,
  ...(target !== undefined && { target }),
});
const shadow = (version: number, reported: Record<string, unknown>, desired: Record<string, unknown> = {}): EventBody => ({
  kind: 'shadow',
  version,
  desired,
  reported,
});
const presence = (state: string, session: string): EventBody => ({ kind: 'presence', state, session });

describe('what the hub did about a fault is told from its own events', () => {
  test.each([
    ['short enough, and its session stays', [], 'its session was not lost after 14.0 s'],
    ['too long, and its session ends', [[5, log('cloud_down', { reason: 'timeout' })]], 'the hub is on “Home” after 4.0 s'],
  ] as const)('an access point that is off %s', (_what, lost, last) => {
    const packet: EventBody = { kind: 'packet', direction: 'up', type: 'PINGREQ', bytes: 2 };
    const { stories } = viewOf(
      [0, presence('online', 's1')],
      [1, fault('home_off', 'begin', 'Home switched off')],
      [2, { kind: 'wifi', network: null }],
      [3, packet],
      ...lost,
      [6, fault('home_off', 'end', 'switched on again')],
      [10, { kind: 'wifi', network: 'Home' }],
      [20, packet],
    );
    expect(sentence(stories[0]!).endsWith(last), sentence(stories[0]!)).toBe(true);
    expect(stories[0]!.open).toBe(lost.length > 0);
  });

  test('the serial adapter: gone, and back', () => {
    const { stories } = viewOf(
      [0, nodes(node(1), node(5))],
      [1, fault('serial', 'begin', 'Serial adapter pulled')],
      [1.2, log('bus_unavailable')],
      [1.8, nodes(node(1, { available: false }), node(5, { available: false }))],
      [6, fault('serial', 'end', 'plugged in again')],
      [6.5, log('bus_up')],
      [7.1, nodes(node(1), node(5, { available: false }))],
      [8.1, nodes(node(1), node(5))],
    );
    expect(stories.map(sentence)).toEqual([
      'Serial adapter pulled → the hub reports its bus unavailable after 0.20 s → 2 nodes unavailable after 0.80 s → plugged in again → the port is open again after 0.50 s → all 2 nodes are back after 2.1 s',
    ]);
    expect(stories[0]).toMatchObject({ open: false });
  });

  test('a node of its own is told of, and not another', () => {
    const { stories } = viewOf(
      [0, nodes(node(1), node(5))],
      [1, fault('silence', 'begin', 'Peripheral 5 silenced', 5)],
      [2, nodes(node(1, { available: false }), node(5))],
      [3, nodes(node(1), node(5, { available: false }))],
      [4, fault('silence', 'end', 'peripheral 5 answers again', 5)],
      [5, nodes(node(1), node(5))],
    );
    expect(stories.map(sentence)).toEqual([
      'Peripheral 5 silenced → its node is unavailable after 2.0 s → peripheral 5 answers again → its node is back after 1.0 s',
    ]);
  });

  test('a late will is contradicted; an offline of another session is not it', () => {
    const { stories, hub } = viewOf(
      [0, presence('online', 'one')],
      [1, fault('late_will', 'begin', 'Link cut, its will held back')],
      [1.1, log('cloud_down', { reason: 'closed' })],
      [2.1, log('cloud_online')],
      [2.2, presence('online', 'two')],
      [3, presence('offline', 'other')],
      [6, presence('offline', 'one')],
      [6.3, presence('online', 'two')],
    );
    expect(sentence(stories[0]!)).toContain(
      'the late will says offline after 5.0 s → the hub publishes its birth again: online after 5.3 s',
    );
    expect(hub.presence).toMatchObject({ state: 'online', session: 'two' });
  });

  test('a switch that is on is known, and off again', () => {
    const on = viewOf([0, fault('tamper', 'begin', 'opened', 5)], [1, fault('tamper', 'begin', 'opened', 17)]);
    expect(on.faults.map(({ id, target }) => [id, target])).toEqual([
      ['tamper', 5],
      ['tamper', 17],
    ]);
    const off = viewOf([0, fault('tamper', 'begin', 'opened', 5)], [1, fault('tamper', 'end', 'closed', 5)]);
    expect(off.faults).toEqual([]);
  });
});

describe('commands', () => {
  const desired = { command: 'server_info', args: {} };
  const last = (status: string, more: object = {}) => ({ lastCommand: { id: 'shadow-1', command: 'server_info', status, ...more } });

  test('each stage once, whatever is delivered again', () => {
    const { commands } = viewOf(
      [0, shadow(1, {}, desired)],
      [0.1, { kind: 'api', method: 'POST', call: 'SendHubCommand', status: 200 }],
      [0.2, shadow(2, {}, desired)],
      [0.3, shadow(3, last('IN_PROGRESS'))],
      [0.35, log('command_taken', { id: 'shadow-1', command: 'server_info' })],
      [0.4, log('command_started', { id: 'shadow-1', command: 'server_info' })],
      [0.5, { kind: 'result', id: 'shadow-1', command: 'server_info', status: 'SUCCEEDED', page: 1, pages: 1, text: '{}' }],
      [0.6, shadow(4, last('SUCCEEDED'))],
      [0.7, shadow(5, last('SUCCEEDED'))],
    );
    expect(commands).toHaveLength(1);
    expect(commands[0]).toMatchObject({ id: 'shadow-1', status: 'SUCCEEDED', error: null, runs: 1 });
    expect(commands[0]!.stages.map(({ name, at }) => [name, Math.round(at - START)])).toEqual([
      ['sent', 0],
      ['taken', 300],
      ['started', 400],
      ['result', 500],
      ['answered', 600],
    ]);
  });

  test.each([
    [1, 'it ran once'],
    [2, 'it ran 2 times'],
  ])('that a command ran once is counted, and not only said: %i', (runs, said) => {
    const ran = Array.from({ length: runs }, (): [number, EventBody] => [
      2,
      log('command_started', { id: 'shadow-1', command: 'server_info' }),
    ]);
    const { stories } = viewOf(
      [0, fault('lost_acks', 'begin', 'Two acknowledgements lost')],
      [1, shadow(1, {}, desired)],
      [1.5, shadow(2, last('IN_PROGRESS'))],
      ...ran,
      [3, shadow(3, last('SUCCEEDED'))],
    );
    expect(sentence(stories[0]!)).toContain(`answered SUCCEEDED; ${said} after 3.0 s`);
  });

  test('what the hub refused has its fields; what the API refused has its status', () => {
    const error = { code: 'invalid_args', message: 'Invalid args: ssid', details: [{ field: 'ssid', message: 'is required' }] };
    const { commands } = viewOf(
      [0, shadow(1, {}, desired)],
      [1, shadow(2, last('REJECTED', { error }))],
      [2, { kind: 'api', method: 'POST', call: 'SendHubCommand', status: 502 }],
    );
    expect(commands.map(({ status, error: said, details }) => [status, said, details.length])).toEqual([
      ['REJECTED', 'invalid_args: Invalid args: ssid', 1],
      ['REFUSED', 'The API answered 502.', 0],
    ]);
  });
});

test('the last change of the shadow is known leaf by leaf, also what went', () => {
  const { shadow: view } = viewOf(
    [0, shadow(1, { online: true, nodes: { total: 1 } })],
    [5, shadow(2, { online: true, nodes: { total: 2 } }, { command: 'x' })],
    [6, shadow(3, { nodes: { total: 2 } })],
  );
  const changed = Object.entries(view.changed).filter(([, at]) => at > START);
  expect(changed.map(([path, at]) => [path, (at - START) / 1_000])).toEqual([
    ['desired.command', 6],
    ['reported.online', 6],
    ['reported.nodes.total', 5],
  ]);
});

test('a state stays bounded, and what it keeps are the latest', () => {
  const state = emptyState();
  for (let index = 0; index < 40_000; index += 1) {
    const at = START + index * 10;
    applyEvent(state, { at, kind: 'packet', direction: 'up', type: 'publish', bytes: 10, topic: 't', text: String(index) });
    applyEvent(state, { at, kind: 'polls', list: [[0, 1, 3]] });
    if (index % 50 === 0) applyEvent(state, { at, ...fault('kill', 'begin', 'killed') } as HarnessEvent);
    if (index % 50 === 1) applyEvent(state, { at, ...shadow(index, {}, { command: `c${index}` }) } as HarnessEvent);
  }
  for (const name of ['packets', 'frames', 'trace', 'seconds', 'stories', 'commands', 'faults'] as const) {
    expect(state[name].length, name).toBeLessThanOrEqual(KEPT[name] * 1.25);
  }
  expect(state.trace.findLast(({ source }) => source === 'mqtt')?.text).toBe('39999');
  expect(state.seconds.at(-1)).toMatchObject({ up: 100, frames: 200, answers: 100, answerMs: 300 });
});

test('times that no clock has end no loop', () => {
  const state = emptyState();
  for (const at of [START, 2 ** 53 + 1_000, 1e300, -5, Number.NaN]) applyEvent(state, { at, kind: 'polls', list: [[1e300, 1, 1]] });
  expect(state.seconds.length).toBeLessThanOrEqual(KEPT.seconds * 1.25);
});
