import { EventEmitter } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { boundConnections } from '../../../agent/control/connections.ts';
import { createGuards } from '../../../agent/system/guard.ts';
import { createFakeLog } from '../nodes/fakes.ts';

function setUp(max: number) {
  const server = new EventEmitter();
  const clock = { nowMs: () => 0 };
  const { guard, faults } = createGuards({ log: createFakeLog(), clock, wallClock: clock });
  const connections = boundConnections(server as Server, max, guard);
  const come = (destroy: () => void = () => {}) => {
    const socket = Object.assign(new EventEmitter(), { destroy }) as unknown as Socket;
    server.emit('connection', socket);
    return socket;
  };
  return { connections, faults, come };
}

test('A connection that cannot be closed is counted, and the server goes on', () => {
  const { faults, come } = setUp(1);
  come(() => {
    throw new Error('the handle is gone');
  });
  come();
  expect(faults()).toMatchObject([{ place: 'control connection', count: 1 }]);
});

test('The oldest that is not being answered makes room; with all in service the new one goes', () => {
  const { connections, faults, come } = setUp(2);
  const gone: string[] = [];
  const first = come(() => gone.push('first'));
  come(() => gone.push('second'));
  const response = new EventEmitter() as ServerResponse;
  connections.served(first, response);
  const third = come(() => gone.push('third'));
  expect(gone).toEqual(['second']);
  connections.served(third, new EventEmitter() as ServerResponse);
  come(() => gone.push('fourth'));
  expect(gone).toEqual(['second', 'fourth']);
  response.emit('prefinish');
  come(() => gone.push('fifth'));
  expect(gone).toEqual(['second', 'fourth', 'first']);
  expect(faults()).toEqual([]);
});
