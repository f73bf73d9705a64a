import { seconds } from './progress.ts';
import type { Outcome } from './scenario.ts';

/** Whether all is as it should be; a missed target of time aside. */
export const isWell = ({ problems, stranded, unanswered, untrue, twice }: Outcome): boolean =>
  problems.length === 0 && !stranded && !unanswered && !untrue && !twice;

/** The line of one scenario. */
export function outcomeLine(name: string, outcome: Outcome): string {
  const mark = isWell(outcome) ? 'ok  ' : 'FAIL';
  const { stranded, unanswered, untrue, twice } = outcome;
  const flags = [stranded && 'STRANDED', unanswered && 'UNANSWERED', untrue && 'UNTRUE', twice && 'TWICE'].filter(Boolean).join(' ');
  const words = [flags, ...outcome.problems, ...(outcome.missed ?? []).map((target) => `target missed: ${target}`)]
    .filter(Boolean)
    .join('; ');
  const line = `${mark} ${name.padEnd(62)} ${(outcome.network ?? '-').padEnd(10)} ${outcome.answer.padEnd(40)} ${seconds(outcome.tookMs)}`;
  return words === '' ? line : `${line}\n       ${words}`;
}

/** What the table's columns are. */
export const TABLE_HEAD = `     ${'scenario'.padEnd(62)} ${'ends on'.padEnd(10)} ${'answer'.padEnd(40)}     time`;
