import { expect, test } from 'vitest';
import type { JoinEvent, ZigbeeNetwork, ZigbeeStatus } from '../../../agent/contract/zigbee.ts';
import type { ApiReply } from '../../../agent/control/http-server.ts';
import { zigbeeRoutes } from '../../../agent/control/zigbee-routes.ts';
import { HubError } from '../../../agent/system/errors.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createFakeLog } from '../nodes/fakes.ts';

/** A network that does what a test wants of it. */
function createRig(changes: Partial<ZigbeeNetwork> = {}) {
  const clock = createSteppedClock();
  const listeners = new Set<(event: JoinEvent) => void>();
  const calls: unknown[][] = [];
  let seconds = 0;
  let changed = 0;
  const network: ZigbeeNetwork = {
    id: 'zb',
    status: () => ({ bus: 'zb', permitJoinSeconds: seconds }) as ZigbeeStatus,
    permitJoin: async (asked) => {
      calls.push(['permitJoin', asked]);
      seconds = asked;
    },
    onJoin(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    remove: async (address) => {
      calls.push(['remove', address]);
      return { confirmed: true };
    },
    backup: async () => ({ savedAt: 1, devices: 2 }),
    map: async () => ({ bus: 'zb', neighbours: [], unasked: [] }),
    restore: () => void calls.push(['restore']),
    form: (devices) => void calls.push(['form', devices]),
    ...changes,
  };
  const { reading, changing } = zigbeeRoutes({ networks: [network], changed: () => changed++, clock, log: createFakeLog() });
  const ask = (route: string, body?: unknown, param = 'zb') => {
    const handler = { ...reading, ...changing }[route]!;
    return handler({ param, body, query: new URLSearchParams(), signal: new AbortController().signal });
  };
  const tell = (event: JoinEvent) => {
    if (event.event === 'closed') seconds = 0;
    for (const listener of [...listeners]) listener(event);
  };
  return { ask, tell, clock, calls, listeners, changed: () => changed };
}

/** Reads a stream to its end. */
function read(reply: ApiReply, signal = new AbortController().signal) {
  const lines: unknown[] = [];
  if (!('lines' in reply)) throw new Error('no stream');
  const ended = reply.lines((line) => void lines.push(line), { param: 'zb', body: undefined, query: new URLSearchParams(), signal });
  return { lines, ended };
}

const event = (name: 'joined', address: string): JoinEvent => ({ event: name, bus: 'zb', address });

test('the networks are read', async () => {
  expect(await createRig().ask('GET /v1/zigbee')).toMatchObject({ json: { networks: [{ bus: 'zb' }] } });
});

test.each(['permit-join', 'remove', 'backup', 'map', 'restore', 'form'])(
  '%s of a bus that is not there names those that are',
  async (what) => {
    const { ask, changed } = createRig();
    await expect((async () => ask(`POST /v1/zigbee/:id/${what}`, {}, 'other'))()).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('zb'),
    });
    expect(changed()).toBe(0);
  },
);

test('joining is shown from its beginning until it closes, and nobody listens then', async () => {
  const { ask, tell, clock, listeners, calls } = createRig();
  const reply = await ask('POST /v1/zigbee/:id/permit-join', { seconds: 60 });
  tell(event('joined', 'early'));
  const { lines, ended } = read(reply);
  await clock.advance(3_000);
  tell(event('joined', 'late'));
  tell({ event: 'closed', bus: 'zb' });
  await clock.settle(ended, 2_000);
  expect(lines.filter((line) => line !== '')).toEqual([event('joined', 'early'), event('joined', 'late'), { event: 'closed', bus: 'zb' }]);
  expect(lines).toContain('');
  expect([calls, listeners.size, clock.timers]).toEqual([[['permitJoin', 60]], 0, 0]);
});

test('a client that goes away ends the stream, not the joining', async () => {
  const { ask, clock, listeners, calls } = createRig();
  const gone = new AbortController();
  const { ended } = read(await ask('POST /v1/zigbee/:id/permit-join', { seconds: 60 }), gone.signal);
  await clock.advance(1_500);
  gone.abort();
  await clock.settle(ended, 2_000);
  expect([calls.length, listeners.size]).toEqual([1, 0]);
});

test('joining that is refused is no stream', async () => {
  const permitJoin = async () => {
    throw new HubError('bus_unavailable', 'the stick is away');
  };
  const { ask, listeners } = createRig({ permitJoin });
  await expect(ask('POST /v1/zigbee/:id/permit-join', { seconds: 60 })).rejects.toMatchObject({ code: 'bus_unavailable' });
  expect(listeners.size).toBe(0);
});

test.each<[unknown, unknown]>([
  [undefined, Number.NaN],
  [{ seconds: '60' }, Number.NaN],
  [[60], Number.NaN],
  [null, Number.NaN],
])('%j are no seconds', async (body, seconds) => {
  const { ask, calls } = createRig();
  await ask('POST /v1/zigbee/:id/permit-join', body);
  expect(calls).toEqual([['permitJoin', seconds]]);
});

test('what takes a while says so every second, and ends with its result', async () => {
  let finish: (value: { savedAt: number; devices: number }) => void = () => {};
  const { ask, clock } = createRig({
    backup: () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
  });
  const { lines, ended } = read(await ask('POST /v1/zigbee/:id/backup'));
  await clock.advance(2_500);
  finish({ savedAt: 5, devices: 1 });
  await clock.settle(ended, 2_000);
  expect(lines).toEqual([{ waiting: true }, { waiting: true }, { result: { savedAt: 5, devices: 1 } }]);
});

test('a refusal is the last line, with its code', async () => {
  const remove = async () => {
    throw new HubError('invalid_args', 'no device 5 is paired');
  };
  const { ask, clock } = createRig({ remove });
  const { lines, ended } = read(await ask('POST /v1/zigbee/:id/remove', { address: '5' }));
  await clock.settle(ended, 2_000);
  expect(lines).toEqual([{ error: { code: 'invalid_args', message: 'no device 5 is paired' } }]);
});

test('a network is given up only for a number; what is none is minus one, which no network has', async () => {
  const { ask, calls } = createRig();
  for (const body of [{ devices: 3 }, { devices: '3' }, {}, undefined]) await ask('POST /v1/zigbee/:id/form', body);
  await ask('POST /v1/zigbee/:id/restore');
  expect(calls).toEqual([['form', 3], ['form', -1], ['form', -1], ['form', -1], ['restore']]);
});
