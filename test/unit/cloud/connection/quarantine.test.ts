import { expect, test } from 'vitest';
import { createQuarantine, FIRST_QUARANTINE_MS, MAX_QUARANTINE_MS } from '../../../../agent/cloud/connection/quarantine.ts';
import type { DownReason } from '../../../../agent/contract/cloud.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { createSteppedClock, settled } from '../../../support/stepped-clock.ts';
import { createFakeLog } from '../../nodes/fakes.ts';

function make() {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const quarantine = createQuarantine({ clock, log });
  /** An operation in whose middle the link ends. */
  async function fallDuring(operation: Parameters<typeof quarantine.guard>[0], reason: DownReason): Promise<void> {
    let end = () => {};
    const run = quarantine.guard(
      operation,
      () =>
        new Promise<void>((_, reject) => {
          end = () => reject(new HubError('cloud_disconnected', 'fell'));
        }),
    );
    const ended = run.catch(() => {});
    quarantine.linkFell(reason);
    end();
    await ended;
  }
  return { clock, log, quarantine, fallDuring };
}

const works = () => Promise.resolve('done');

test('refused in words twice: left out, without being run', async () => {
  const { quarantine, fallDuring, log } = make();
  await fallDuring('deltas', 'unauthorized');
  expect(await quarantine.guard('presence_subscribe', works)).toBe('done');
  expect(quarantine.list()).toEqual([]);
  await fallDuring('deltas', 'unauthorized');
  expect(quarantine.list()).toEqual(['deltas']);
  let ran = false;
  await expect(
    quarantine.guard('deltas', async () => {
      ran = true;
    }),
  ).rejects.toMatchObject({ code: 'cloud_refused' });
  expect(ran).toBe(false);
  expect(log.lines).toMatchObject([{ level: 'error', event: 'cloud_operation_quarantined', operation: 'deltas' }]);
  expect(await quarantine.guard('shadow_update', works)).toBe('done');
});

test('links that broke without a word: two in something optional, six in what a hub needs', async () => {
  const { quarantine, fallDuring } = make();
  await fallDuring('executions', 'closed');
  await fallDuring('executions', 'closed');
  for (let fall = 0; fall < 5; fall++) await fallDuring('shadow_update', 'closed');
  expect(quarantine.list()).toEqual(['executions']);
  await fallDuring('shadow_update', 'closed');
  expect(quarantine.list()).toEqual(['executions', 'shadow_update']);
});

test.each(['kicked', 'keepalive', 'network', 'local', 'taken_over'] as const)(
  'a link that ended for another reason (%s) accuses nobody',
  async (reason) => {
    const { quarantine, fallDuring } = make();
    for (let fall = 0; fall < 20; fall++) await fallDuring('executions', reason);
    expect(quarantine.list()).toEqual([]);
  },
);

test('a success in between clears the suspicion', async () => {
  const { quarantine, fallDuring } = make();
  for (let round = 0; round < 10; round++) {
    await fallDuring('deltas', 'unauthorized');
    await quarantine.guard('deltas', works);
  }
  expect(quarantine.list()).toEqual([]);
});

test('a no in the acknowledgement is certain at once; a shadow request can be refused for other reasons', async () => {
  const { quarantine } = make();
  const refused = () => Promise.reject(new HubError('cloud_refused', '0x87'));
  await expect(quarantine.guard('result_publish', refused)).rejects.toMatchObject({ code: 'cloud_refused' });
  await expect(quarantine.guard('shadow_update', refused)).rejects.toMatchObject({ code: 'cloud_refused' });
  expect(quarantine.list()).toEqual(['result_publish']);
});

test('tried again after a while; refused still, it stays out twice as long, up to a day; mended, all is forgotten', async () => {
  const { clock, quarantine, fallDuring } = make();
  await fallDuring('executions', 'unauthorized');
  await fallDuring('executions', 'unauthorized');
  let expected = FIRST_QUARANTINE_MS;
  for (let round = 0; round < 12; round++) {
    expect(quarantine.remainingMs('executions')).toBe(expected);
    await clock.advance(expected);
    expect(quarantine.list()).toEqual([]);
    await fallDuring('executions', 'unauthorized');
    expected = Math.min(MAX_QUARANTINE_MS, expected * 2);
  }
  expect(expected).toBe(MAX_QUARANTINE_MS);
  await clock.advance(expected);
  await quarantine.guard('executions', works);
  await fallDuring('executions', 'unauthorized');
  expect(quarantine.list()).toEqual([]);
  await settled();
});

test('the operation fails a moment before the link is said to have fallen: it is a suspect all the same, once', async () => {
  const { quarantine } = make();
  const fail = () => Promise.reject(new HubError('cloud_disconnected', 'fell'));
  for (let fall = 1; fall <= 2; fall++) {
    await quarantine.guard('deltas', fail).catch(() => {});
    quarantine.linkFell('unauthorized');
    quarantine.linkFell('unauthorized');
    expect(quarantine.list()).toEqual(fall === 2 ? ['deltas'] : []);
  }
});

test('what fails after its link fell is not held against the next one', async () => {
  const { quarantine, fallDuring } = make();
  await fallDuring('deltas', 'unauthorized');
  quarantine.linkFell('unauthorized');
  quarantine.linkFell('unauthorized');
  expect(quarantine.list()).toEqual([]);
});
