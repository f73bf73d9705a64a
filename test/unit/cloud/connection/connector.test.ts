import { expect, test } from 'vitest';
import { createConnector } from '../../../../agent/cloud/connection/connector.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { createFakeEntropy, createFakeLog } from '../../nodes/fakes.ts';

function make(losesTimers: () => boolean) {
  const clock = createSteppedClock();
  const connector = createConnector({
    transport: { connect: () => ({ close: () => Promise.resolve() }) as never },
    targets: [{ host: 'iot', port: 8883 }],
    config: { spreadMs: 30_000, minBackoffMs: 2_000, maxBackoffMs: 128_000, maxUnreachableBackoffMs: 128_000, settleMs: 30_000 },
    clientId: 'hub',
    keepAliveSeconds: 30,
    will: () => ({ topic: 't', payload: '' }),
    clockTrusted: () => true,
    clock: { ...clock, schedule: (delayMs, run) => clock.schedule(delayMs, losesTimers() ? () => {} : run) },
    entropy: createFakeEntropy(7),
    log: createFakeLog(),
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
