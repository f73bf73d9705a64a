import type { CommandReport } from '../../control/api.ts';
import { lookUp } from '../../health/finding.ts';
import type { Colour } from '../terminal/terminal.ts';

const COLOURS: Readonly<Record<string, Colour>> = {
  SUCCEEDED: 'good',
  FAILED: 'bad',
  REJECTED: 'bad',
  TIMED_OUT: 'bad',
  IN_PROGRESS: 'warn',
};

/** The answer's status and error code, delivered or not; null: there is no answer yet, or none is kept. */
function givenAnswer({ status, outcome, answered }: CommandReport): { status: string; code: string | null } | null {
  if (status !== null) return { status, code: outcome && 'error' in outcome ? outcome.error.code : null };
  return answered ?? null;
}

/**
 * How a command was answered: `FAILED wifi_timeout`; with `not delivered` while the answer waits. Else how far it has come. `answered`: an older agent
 * delivered the answer, and kept nothing of it.
 */
export function answerText(report: CommandReport): string {
  const { stage, outcome } = report;
  const answer = givenAnswer(report);
  if (answer === null) return stage === 'delivered' ? 'answered' : stage;
  const waits = outcome !== null && stage !== 'delivered' ? ', not delivered' : '';
  return `${answer.status}${answer.code === null ? '' : ` ${answer.code}`}${waits}`;
}

/** The colour of `answerText`. */
export function answerColour(report: CommandReport): Colour {
  const { status } = givenAnswer(report) ?? {};
  return status === undefined ? (report.stage === 'delivered' ? 'dim' : 'warn') : lookUp(COLOURS, status, 'bad');
}

/** From arrival to result; null: there is none yet. */
export function tookText({ receivedAt, finishedAt }: CommandReport): string | null {
  return finishedAt === null ? null : `${((finishedAt - receivedAt) / 1000).toFixed(1)} s`;
}
