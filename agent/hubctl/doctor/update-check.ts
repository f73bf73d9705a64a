import { updateFindings } from '../../health/update.ts';
import { type Check, catalogued, ok, skipped } from './check.ts';

export const updateCheck: Check = {
  name: 'update',
  why: 'After a rollback or a refusal the hub runs the release before.',
  async run({ agent }) {
    const { status } = await agent();
    if (!status?.release) return skipped('the agent does not tell its release');
    const findings = updateFindings({ release: status.release });
    const { sequence } = status.release;
    return findings.length > 0
      ? findings.map(catalogued)
      : ok(sequence === null ? 'the agent was not started by the release launcher' : `release ${sequence} runs`);
  },
};
