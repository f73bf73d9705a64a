import { expect, test } from 'vitest';
import { createCommandCatalog } from '../../../agent/compose/catalog.ts';
import { runCommandCommand } from '../../../agent/hubctl/commands/run.ts';

test('hubctl run takes the commands of the catalog that only read', () => {
  // No handler runs: the catalog alone is looked at.
  const catalog = createCommandCatalog({ config: { commands: {} } } as never);
  const reading = [...catalog.values()].filter(({ repeatable }) => repeatable).map(({ name }) => name);
  expect(reading).toEqual(runCommandCommand.choices);
  expect(catalog.size).toBeGreaterThan(reading.length);
});
