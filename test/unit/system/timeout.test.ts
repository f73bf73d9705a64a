import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { HubError } from '../../../agent/system/errors.ts';
import { within } from '../../../agent/system/timeout.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';

const never = () => new Promise<never>(() => {});
const tooLate = (): never => {
  throw new HubError('timeout', 'too late');
};
/** How a promise stands, looked at without waiting for it. */
function watch<T>(promise: Promise<T>) {
  const seen: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => {
      seen.value = value;
    },
    (error) => {
      seen.error = error;
    },
  );
  return seen;
}

test('work that ends in time is the answer, and leaves no timer', async () => {
  const clock = createSteppedClock();
  expect(await within(clock, 100, Promise.resolve('done'), tooLate)).toBe('done');
  await expect(within(clock, 100, Promise.reject(new Error('broken')), tooLate)).rejects.toThrow('broken');
  await expect(
    within(
      clock,
      100,
      () => {
        throw new Error('not begun');
      },
      tooLate,
    ),
  ).rejects.toThrow('not begun');
  expect(clock.timers).toBe(0);
});

test('late work is answered by `late`, and told to end', async () => {
  const clock = createSteppedClock();
  let given: AbortSignal | null = null;
  const seen = watch(
    within(
      clock,
      100,
      (signal) => {
        given = signal;
        return never();
      },
      () => 'no answer',
    ),
  );
  await clock.advance(99);
  expect([seen, given!.aborted]).toEqual([{}, false]);
  await clock.advance(1);
  expect(seen).toEqual({ value: 'no answer' });
  expect(given!.reason).toMatchObject({ code: 'aborted' });
  expect(clock.timers).toBe(0);
});

test('what `late` throws is the failure, and the reason of the signal', async () => {
  const clock = createSteppedClock();
  let given: AbortSignal | null = null;
  const seen = watch(
    within(
      clock,
      100,
      (signal) => {
        given = signal;
        // Work that fails because it was told to end does not hide why.
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('I was ended'))));
      },
      tooLate,
    ),
  );
  await clock.advance(100);
  expect(seen.error).toMatchObject({ code: 'timeout' });
  expect(given!.reason).toBe(seen.error);
});

test('work that fails after the wait is over ends nothing', async () => {
  const clock = createSteppedClock();
  const { promise, reject } = Promise.withResolvers<void>();
  const seen = watch(within(clock, 100, promise, () => null));
  await clock.advance(100);
  reject(new Error('much later'));
  await clock.advance(100);
  expect(seen).toEqual({ value: null });
});

test("an outer signal ends the wait with its reason; work is not begun after it; its listener goes with the wait's end", async () => {
  const clock = createSteppedClock();
  const outer = new AbortController();
  const { signal } = outer;
  await within(clock, 100, Promise.resolve(), tooLate, { signal });
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  let given: AbortSignal | null = null;
  const seen = watch(
    within(
      clock,
      100,
      (inner) => {
        given = inner;
        return never();
      },
      tooLate,
      { signal },
    ),
  );
  const reason = new HubError('aborted', 'The agent is stopping.');
  outer.abort(reason);
  await clock.advance(0);
  expect([seen.error, given!.reason]).toEqual([reason, reason]);
  expect([clock.timers, getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  let begun = false;
  const work = async () => {
    begun = true;
  };
  await expect(within(clock, 100, work, tooLate, { signal })).rejects.toBe(reason);
  expect(begun).toBe(false);
  // A promise that is under way already and fails is handled (an unhandled rejection fails the run).
  await expect(within(clock, 100, Promise.reject(new Error('late')), tooLate, { signal })).rejects.toBe(reason);
});

test('within the grace time late work still gives its own answer; after it, `late` does', async () => {
  const clock = createSteppedClock();
  const late = Promise.withResolvers<string>();
  const graceful = watch(within(clock, 100, late.promise, tooLate, { graceMs: 50 }));
  const stuck = watch(within(clock, 100, never(), tooLate, { graceMs: 50 }));
  await clock.advance(149);
  expect([graceful, stuck]).toEqual([{}, {}]);
  late.resolve('went back');
  await clock.advance(0);
  expect(graceful).toEqual({ value: 'went back' });
  await clock.advance(1);
  expect(stuck.error).toMatchObject({ code: 'timeout' });
  expect(clock.timers).toBe(0);
});
