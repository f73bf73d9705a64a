import { join } from 'node:path';
import { replaceFile } from './durable.ts';
import type { FlashOutcome } from './flash.ts';
import type { RowProblem } from './problems.ts';

/** How many hubs came to what. */
export interface Figures {
  hubs: number;
  flashed: number;
  unchanged: number;
  failed: number;
  /** Not tried: the run was stopped before. */
  left: number;
  provisioned: number;
  /** Flashed well, and the API did not take them. */
  notProvisioned: number;
}

export function figuresOf({ hubs, results }: FlashOutcome): Figures {
  const count = (state: string) => results.filter((result) => result.state === state).length;
  return {
    hubs,
    flashed: count('flashed'),
    unchanged: count('unchanged'),
    failed: count('failed'),
    left: hubs - results.length,
    provisioned: results.filter(({ provisioned }) => provisioned).length,
    notProvisioned: results.filter(({ state, problem }) => state !== 'failed' && problem !== null).length,
  };
}

function write(output: string, report: object): Promise<void> {
  return replaceFile(join(output, 'report.json'), `${JSON.stringify(report, null, 2)}\n`, 0o644);
}

/** What became of every hub, as `report.json` in the batch's folder. */
export function writeReport(output: string, outcome: FlashOutcome, warnings: readonly string[]): Promise<void> {
  const { stopped, results } = outcome;
  return write(output, { state: stopped === null ? 'done' : 'stopped', ...figuresOf(outcome), stopped, warnings, results });
}

/** The report of a run that wrote no hub. */
export function writeRefusal(output: string, problems: readonly RowProblem[]): Promise<void> {
  return write(output, { state: 'refused', problems });
}
