import { expect, test } from 'vitest';
import { createLibraryLogger } from '../../../../../agent/nodes/zigbee/host/logger.ts';
import { readEvent } from '../../../../../agent/nodes/zigbee/process/read-event.ts';
import type { ProcessEvent } from '../../../../../agent/nodes/zigbee/process/words.ts';

function createRig() {
  const told: ProcessEvent[] = [];
  let nowMs = 0;
  const log = createLibraryLogger(
    (event) => told.push(event),
    () => nowMs,
  );
  return {
    told,
    log,
    minute: () => {
      nowMs += 60_000;
    },
  };
}

test('no more than ten lines a minute are passed on, and no detail', () => {
  const { told, log, minute } = createRig();
  for (let count = 0; count < 1_000; count += 1) {
    log.warning('again', 'zh:zstack');
    log.debug(() => expect.unreachable(), 'zh:zstack');
  }
  expect(told).toHaveLength(10);
  minute();
  log.error('once more', 'zh');
  expect(told.at(-1)).toEqual({ kind: 'log', level: 'error', text: 'zh: once more' });
});

test('a message that cannot be made, or has no end, is no reason to fail', () => {
  const { told, log } = createRig();
  log.info(() => {
    throw new Error('no');
  }, 'zh');
  log.info(undefined as unknown as string, 'zh');
  log.info('x'.repeat(100_000), 'zh');
  for (const event of told) expect(readEvent(JSON.stringify(event))).toEqual(event);
});

test('a key in a message is masked', () => {
  const { told, log } = createRig();
  const key = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
  log.error(`key ${key.toString('hex')} ${[...key].join(',')} ${JSON.stringify([...key])}`, 'zh');
  expect(JSON.stringify(told)).not.toMatch(/aabbccdd|170,187/);
});
