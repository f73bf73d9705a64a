import { expect, test } from 'vitest';
import { createExecutor } from '../../../agent/commands/executor.ts';
import { type CommandHandler, createCatalog, type Resource } from '../../../agent/commands/handlers/handler.ts';
import { HubError } from '../../../agent/system/errors.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createFakeLog } from '../nodes/fakes.ts';

/** Commands that run until a test ends them; `stubborn` ones do not hear an abort. */
function createRig(stubborn = false) {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const running = new Map<string, { end(): void; fail(error: unknown): void }>();
  const started: string[] = [];
  const handler = (name: string, resource: Resource): CommandHandler => ({
    name,
    resource,
    repeatable: true,
    timeoutMs: 10_000,
    parse: (args) => args as object,
    run: (args, signal) =>
      new Promise((resolve, reject) => {
        const { tag } = args as { tag: string };
        started.push(tag);
        running.set(tag, { end: () => resolve({ tag }), fail: reject });
        if (!stubborn) signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  });
  const executor = createExecutor({ catalog: createCatalog([handler('scan', 'nodes'), handler('join', 'wifi')]), clock, log });
  const settle = () => clock.advance(0);
  return { clock, log, running, started, executor, settle };
}

test('one command at a time uses a resource, in order of arrival; others run beside it', async () => {
  const { executor, running, started, settle } = createRig();
  const outcomes = ['a', 'b', 'c'].map((tag) => executor.execute(tag, 'scan', { tag }));
  const beside = executor.execute('w', 'join', { tag: 'w' });
  await settle();
  expect(started).toEqual(['a', 'w']);
  expect(executor.active).toBe(4);
  running.get('w')!.end();
  expect(await beside).toEqual({ status: 'SUCCEEDED', result: { tag: 'w' } });
  for (const tag of ['a', 'b', 'c']) {
    await settle();
    expect(started.at(-1)).toBe(tag === 'a' ? 'w' : tag);
    running.get(tag)!.end();
  }
  expect((await Promise.all(outcomes)).map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
  expect(executor.active).toBe(0);
});

test('a failure does not hold up the next, and an unplanned one tells the cloud nothing', async () => {
  const { executor, running, settle, log, clock } = createRig();
  const first = executor.execute('a', 'scan', { tag: 'a' });
  const second = executor.execute('b', 'scan', { tag: 'b' });
  await settle();
  running.get('a')!.fail(new TypeError('secret words'));
  expect(await first).toMatchObject({ status: 'FAILED', error: { code: 'internal' } });
  expect(JSON.stringify(await first)).not.toContain('secret words');
  expect(log.lines.find(({ level }) => level === 'error')).toMatchObject({ event: 'command_failed' });
  await settle();
  running.get('b')!.fail(new HubError('bus_unavailable', 'The bus is gone.'));
  expect(await second).toMatchObject({ status: 'FAILED', error: { code: 'bus_unavailable', message: 'The bus is gone.' } });
  expect(clock.timers).toBe(0);
});

test('a run ends at its time-out; the time in the queue does not count', async () => {
  const { executor, clock } = createRig();
  const first = executor.execute('a', 'scan', { tag: 'a' });
  const second = executor.execute('b', 'scan', { tag: 'b' });
  await clock.advance(10_000);
  expect(await first).toMatchObject({ status: 'TIMED_OUT', error: { code: 'timeout' } });
  await clock.advance(9_999);
  expect(executor.active).toBe(1);
  await clock.advance(1);
  expect(await second).toMatchObject({ status: 'TIMED_OUT' });
  expect(clock.timers).toBe(0);
});

test('a run that does not hear the time-out gets a grace time; then its resource goes to the next', async () => {
  const { executor, clock, started } = createRig(true);
  const first = executor.execute('a', 'scan', { tag: 'a' });
  void executor.execute('b', 'scan', { tag: 'b' });
  await clock.advance(14_999);
  expect(started).toEqual(['a']);
  await clock.advance(1);
  expect(await first).toMatchObject({ status: 'TIMED_OUT', error: { code: 'timeout' } });
  expect(started).toEqual(['a', 'b']);
});

test('a run that ends within the grace time keeps its own answer', async () => {
  const { executor, clock, running } = createRig(true);
  const outcome = executor.execute('a', 'scan', { tag: 'a' });
  await clock.advance(12_000);
  running.get('a')!.end();
  expect(await outcome).toMatchObject({ status: 'SUCCEEDED' });
});

test('a stop interrupts what runs and what waits, and whatever comes later', async () => {
  const { executor, clock, started, settle } = createRig();
  const outcomes = ['a', 'b'].map((tag) => executor.execute(tag, 'scan', { tag }));
  await settle();
  await executor.stop();
  outcomes.push(executor.execute('c', 'join', { tag: 'c' }));
  for (const outcome of outcomes) expect(await outcome).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
  expect(started).toEqual(['a']);
  expect(clock.timers).toBe(0);
});

test('a stop waits for a stubborn run no longer than the grace time', async () => {
  const { executor, clock, settle } = createRig(true);
  void executor.execute('a', 'scan', { tag: 'a' });
  await settle();
  let stopped = false;
  void executor.stop().then(() => {
    stopped = true;
  });
  expect(await clock.until(() => stopped, 60_000)).toBe(5_000);
});

test('an unknown command is refused', async () => {
  const { executor } = createRig();
  expect(await executor.execute('a', 'reboot', {})).toMatchObject({ status: 'REJECTED', error: { code: 'unknown_command' } });
});

test("what became of a cut run is the handler's to tell; what it cannot tell, or nobody asks of it, was interrupted", async () => {
  const clock = createSteppedClock();
  const told: (Record<string, unknown> | null | HubError)[] = [{ ssid: 'office' }, null, new HubError('interrupted', 'on another network')];
  const handler: CommandHandler = {
    name: 'join',
    resource: 'wifi',
    repeatable: false,
    timeoutMs: 10_000,
    parse: (args) => args as object,
    run: () => Promise.reject(new Error('must not run again')),
    async afterCut() {
      const next = told.shift() ?? null;
      if (next instanceof HubError) throw next;
      return next;
    },
  };
  const { afterCut: _, ...mute } = handler;
  const catalog = createCatalog([handler, { ...mute, name: 'mute' }]);
  const executor = createExecutor({ catalog, clock, log: createFakeLog() });
  expect(await executor.resolve('a', 'join')).toEqual({ status: 'SUCCEEDED', result: { ssid: 'office' } });
  expect(await executor.resolve('b', 'join')).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
  const elsewhere = { status: 'FAILED', error: { code: 'interrupted', message: 'on another network' } };
  expect(await executor.resolve('c', 'join')).toMatchObject(elsewhere);
  expect(await executor.resolve('d', 'mute')).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
});
