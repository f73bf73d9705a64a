import { expect, test } from 'vitest';
import { createConnector } from '../../../../agent/cloud/connection/connector.ts';
import type { LinkHandlers } from '../../../../agent/cloud/connection/transport.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { createFakeEntropy, createFakeLog } from '../../nodes/fakes.ts';

function make(losesTimers: () => boolean, { clock = createSteppedClock(), log = createFakeLog(), links = [] as LinkHandlers[] } = {}) {
  const connector = createConnector({
    transport: {
      connect(_, handlers) {
        links.push(handlers);
        return { close: () => Promise.resolve() } as never;
      },
    },
    targets: [{ host: 'iot', port: 8883 }],
    config: { spreadMs: 30_000, minBackoffMs: 2_000, maxBackoffMs: 128_000, maxUnreachableBackoffMs: 128_000, settleMs: 30_000 },
    clientId: 'hub',
    keepAliveSeconds: 30,
    will: () => ({ topic: 't', payload: '' }),
    clockTrusted: () => true,
    clock: { ...clock, schedule: (delayMs, run) => clock.schedule(delayMs, losesTimers() ? () => {} : run) },
    entropy: createFakeEntropy(7),
    log,
    onUp() {},
    onDown() {},
    onMessage() {},
    onDelta() {},
  });
  return { clock, connector };
}

test('A hub that nobody answers for hours waits and connects, and is not stuck', async () => {
  const { clock, connector } = make(() => false);
  expect(connector.isStuck()).toBe(false);
  connector.start();
  for (let minute = 0; minute < 240; minute += 1) {
    await clock.advance(60_000);
    expect(connector.isStuck()).toBe(false);
  }
  await connector.stop();
  expect(connector.isStuck()).toBe(false);
});

test('A machine whose timer never comes is stuck', async () => {
  const { clock, connector } = make(() => true);
  connector.start();
  await clock.advance(30_000);
  expect(connector.isStuck()).toBe(false);
  await clock.advance(120_000);
  expect(connector.isStuck()).toBe(true);
});

test('Unreadable messages are logged once a minute with their number, also over a new link', async () => {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const links: LinkHandlers[] = [];
  const connector = make(() => false, { clock, log, links }).connector;
  connector.start();
  await clock.advance(30_000);
  for (let time = 0; time < 1_000; time += 1) links.at(-1)!.onUnreadable('delta: not an object');
  const unreadable = () => log.lines.filter(({ event }) => event === 'message_unreadable').map(({ count }) => count);
  expect(unreadable()).toEqual([1]);
  links.at(-1)!.onDown({ reason: 'network', detail: '' });
  await clock.advance(600_000);
  expect(links.length).toBeGreaterThan(1);
  links.at(-1)!.onUnreadable('delta: not an object');
  links.at(-1)!.onUnreadable('delta: not an object');
  expect(unreadable()).toEqual([1, 1_001]);
  await connector.stop();
});
