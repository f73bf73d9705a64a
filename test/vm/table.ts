import { seconds } from './progress.ts';
import type { Outcome } from './scenario.ts';

/** The line of one scenario. */
export function outcomeLine(name: string, outcome: Outcome): string {
  const mark = outcome.problems.length === 0 && !outcome.stranded && !outcome.unanswered ? 'ok  ' : 'FAIL';
  const flags = [outcome.stranded ? 'STRANDED' : '', outcome.unanswered ? 'UNANSWERED' : ''].filter(Boolean).join(' ');
  const words = [flags, ...outcome.problems, ...(outcome.missed ?? []).map((target) => `target missed: ${target}`)]
    .filter(Boolean)
    .join('; ');
  const line = `${mark} ${name.padEnd(62)} ${(outcome.network ?? '-').padEnd(10)} ${outcome.answer.padEnd(40)} ${seconds(outcome.tookMs)}`;
  return words === '' ? line : `${line}\n       ${words}`;
}

/** What the table's columns are. */
export const TABLE_HEAD = `     ${'scenario'.padEnd(62)} ${'ends on'.padEnd(10)} ${'answer'.padEnd(40)}     time`;
