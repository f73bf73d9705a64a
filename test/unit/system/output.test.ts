import { expect, test } from 'vitest';
import { createOutput } from '../../../agent/system/output.ts';

/** A place that takes so many bytes at a time, or fails. */
function setUp() {
  const place = { room: Number.POSITIVE_INFINITY, error: 'EAGAIN', silent: false, text: '' };
  const timers: { delayMs: number; run: () => void }[] = [];
  const recovered: number[] = [];
  const output = createOutput({
    writeNow(bytes) {
      const taken = Math.min(bytes.length, place.room);
      if (taken === 0 && !place.silent) throw Object.assign(new Error('no'), { code: place.error });
      place.room -= taken;
      place.text += Buffer.from(bytes.subarray(0, taken)).toString();
      return taken;
    },
    clock: {
      schedule(delayMs, run) {
        timers.push({ delayMs, run });
        return () => {};
      },
    },
    onRecovered(lines) {
      recovered.push(lines);
      output.write(`${lines} dropped\n`);
    },
  });
  return { place, timers, recovered, output };
}

test('What can be written is written at once', () => {
  const { place, timers, output } = setUp();
  output.write('one\n');
  output.write('two\n');
  expect(place.text).toBe('one\ntwo\n');
  expect(timers).toEqual([]);
  expect(output.state()).toEqual({ droppedLines: 0, failing: null });
});

test('A place that takes nothing, and does not say why, holds nothing up', () => {
  const { place, timers, output } = setUp();
  place.room = 0;
  place.silent = true;
  output.write('one\n');
  expect(output.state()).toEqual({ droppedLines: 0, failing: 'EAGAIN' });

  place.room = Number.POSITIVE_INFINITY;
  timers[0]!.run();
  expect(place.text).toBe('one\n');
});

test.each(['EAGAIN', 'ENOSPC', 'EPIPE'])(
  'While it fails with %s, lines are kept, then dropped and counted, and told when it works again',
  (error) => {
    const { place, timers, recovered, output } = setUp();
    place.room = 2;
    place.error = error;
    const line = `${'x'.repeat(999)}\n`;
    for (let count = 0; count < 100; count += 1) output.write(line);
    const { droppedLines, failing } = output.state();
    expect(failing).toBe(error);
    expect(droppedLines).toBe(100 - 65);
    expect(timers).toHaveLength(1);

    place.room = Number.POSITIVE_INFINITY;
    timers[0]!.run();
    expect(place.text).toBe(`${line.repeat(65)}35 dropped\n`);
    expect(recovered).toEqual([35]);
    expect(output.state()).toEqual({ droppedLines: 35, failing: null });
  },
);

test('One that fails for good is tried again, less and less often', () => {
  const { place, timers, output } = setUp();
  place.room = 0;
  output.write('one\n');
  for (let time = 0; time < 12; time += 1) timers.at(-1)!.run();
  expect(timers.map(({ delayMs }) => delayMs).slice(0, 4)).toEqual([100, 200, 400, 800]);
  expect(timers.at(-1)!.delayMs).toBe(10_000);
});
