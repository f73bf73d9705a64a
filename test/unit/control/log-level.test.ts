import { expect, test } from 'vitest';
import { createAdjustableLog } from '../../../agent/control/log-level.ts';
import { createLog } from '../../../agent/system/log.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';

function setup() {
  const lines: { level: string; msg: string; part?: string; bus?: string }[] = [];
  const clock = createSteppedClock();
  const adjustable = createAdjustableLog(createLog('info', { write: (text: string) => void lines.push(JSON.parse(text)) }), clock);
  return { lines, clock, ...adjustable };
}

test('a change reaches children, old and new, and theirs', () => {
  const { log, lines, set, level } = setup();
  const child = log.child({ part: 'nodes' });
  const grandchild = child.child({ bus: 'rs485' });
  child.debug('before');
  set('debug', 10);
  child.debug('after');
  grandchild.debug('deep');
  log.child({ part: 'new' }).debug('new');
  expect(level()).toBe('debug');
  expect(lines.map(({ msg, part, bus }) => [msg, part, bus])).toEqual([
    ['after', 'nodes', undefined],
    ['deep', 'nodes', 'rs485'],
    ['new', 'new', undefined],
  ]);
});

test('the level of the configuration comes back by itself', async () => {
  const { log, lines, set, level, clock, stop } = setup();
  set('trace', 1);
  set('debug', 10);
  await clock.advance(9 * 60_000);
  expect(level()).toBe('debug');
  await clock.advance(60_000);
  expect(level()).toBe('info');
  log.debug('gone');
  expect(lines).toEqual([]);
  set('warn', 5);
  stop();
  expect(clock.timers).toBe(0);
});
