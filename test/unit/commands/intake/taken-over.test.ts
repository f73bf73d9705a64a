import { expect, test } from 'vitest';
import { createCatalog } from '../../../../agent/commands/handlers/handler.ts';
import { candidateOf } from '../../../../agent/commands/intake/intake.ts';
import type { ShadowView } from '../../../../agent/contract/shadow.ts';

const handler = (name: string, repeatable: boolean) => ({
  name,
  resource: 'host' as const,
  repeatable,
  timeoutMs: 1,
  parse: (args: unknown) => args as object,
  run: async () => ({}),
});
const catalog = createCatalog([handler('changes', false), handler('reads', true)]);

function verdictOn(command: unknown, writtenAt: number, isSuspect = (at: number) => at >= 100 && at <= 200) {
  const view: ShadowView = {
    source: 'read',
    version: 1,
    timestampSeconds: 250,
    desired: { command, args: {} },
    desiredMetadata: { command: { timestamp: writtenAt } },
    reported: {},
  };
  return candidateOf(view, { key: Buffer.alloc(32), receivedAt: 1, ttlSeconds: 200, catalog, isSuspect })!.verdict;
}

test('after a takeover: what changes something and was written in its time is refused, the rest is done', () => {
  for (const at of [100, 150, 200]) {
    expect(verdictOn('changes', at)).toMatchObject({ accept: false, outcome: { status: 'REJECTED', error: { code: 'taken_over' } } });
    expect(verdictOn('reads', at)).toMatchObject({ accept: true });
  }
  for (const at of [99, 201]) expect(verdictOn('changes', at)).toMatchObject({ accept: true });
});

test('an old one is expired, one that nobody knows is unknown, as ever', () => {
  expect(verdictOn('changes', 40, () => true)).toMatchObject({ outcome: { error: { code: 'expired' } } });
  expect(verdictOn('reboot', 150)).toMatchObject({ outcome: { error: { code: 'unknown_command' } } });
});
