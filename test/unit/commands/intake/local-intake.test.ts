import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../../../agent/commands/executor.ts';
import { type CommandHandler, createCatalog } from '../../../../agent/commands/handlers/handler.ts';
import { createLocalIntake, MAX_LOCAL_ACTIVE, MAX_LOCAL_REMEMBERED } from '../../../../agent/commands/intake/local-intake.ts';
import { createEntropy } from '../../../../agent/system/entropy.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { createLog } from '../../../../agent/system/log.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';

function setup(run: CommandHandler['run'] = async () => ({ total: 1 })) {
  const handler: CommandHandler = {
    name: 'get_nodes',
    resource: 'nodes',
    repeatable: true,
    timeoutMs: 1_000,
    parse(args) {
      if ((args as { bad?: true }).bad) throw new HubError('invalid_args', 'bad', { details: [{ field: 'bad', message: 'must not be' }] });
      return {};
    },
    run,
  };
  const catalog = createCatalog([handler]);
  const executor = createExecutor({ catalog, clock: createSteppedClock(), log: createLog('silent') });
  const intake = createLocalIntake({ catalog, executor, wallClock: { nowMs: () => 1_000 }, entropy: createEntropy() });
  return { intake, executor };
}

describe('a command given on the hub', () => {
  test('is judged like the cloud’s', async () => {
    const { intake } = setup();
    expect((await intake.execute({ command: 'frob', args: {} })).outcome).toMatchObject({
      status: 'REJECTED',
      error: { code: 'unknown_command' },
    });
    const bad = await intake.execute({ command: 'get_nodes', args: { bad: true } });
    expect(bad.outcome).toMatchObject({ status: 'REJECTED', error: { code: 'invalid_args', details: [{ field: 'bad' }] } });
  });

  test('is answered with its result, which the list does not keep', async () => {
    const { intake } = setup();
    const done = await intake.execute({ command: 'get_nodes', args: {} });
    expect(done).toMatchObject({ intake: 'local', command: 'get_nodes', outcome: { status: 'SUCCEEDED', result: { total: 1 } } });
    expect(intake.entries()).toMatchObject([{ id: done.id, stage: 'delivered', outcome: { status: 'SUCCEEDED', result: {} } }]);
  });

  test('waits for the resource, is seen while it runs, and one too many is refused', async () => {
    const gate = Promise.withResolvers<void>();
    const { intake } = setup(async () => {
      await gate.promise;
      return {};
    });
    const running = Array.from({ length: MAX_LOCAL_ACTIVE }, () => intake.execute({ command: 'get_nodes', args: {} }));
    expect(intake.entries()).toHaveLength(MAX_LOCAL_ACTIVE);
    expect(intake.entries()[0]).toMatchObject({ stage: 'taken', outcome: null });
    expect((await intake.execute({ command: 'get_nodes', args: {} })).outcome).toMatchObject({ error: { code: 'busy' } });
    gate.resolve();
    expect((await Promise.all(running)).map(({ outcome }) => outcome?.status)).toEqual(Array(MAX_LOCAL_ACTIVE).fill('SUCCEEDED'));
  });

  test('is interrupted by the stop of the agent', async () => {
    const { intake, executor } = setup(
      (_args, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const running = intake.execute({ command: 'get_nodes', args: {} });
    await executor.stop();
    expect((await running).outcome).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
  });

  test('is remembered for a while only', async () => {
    const { intake } = setup();
    for (let index = 0; index < MAX_LOCAL_REMEMBERED + 3; index += 1) await intake.execute({ command: 'get_nodes', args: {} });
    expect(intake.entries()).toHaveLength(MAX_LOCAL_REMEMBERED);
  });
});
