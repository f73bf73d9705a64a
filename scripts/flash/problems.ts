/** What is wrong with a row of the manifest, and what to do about it. Never quotes a key. */
export interface RowProblem {
  /** Line of a CSV file, index from 1 of a JSON list; null for the manifest as a whole. */
  row: number | null;
  field: string;
  message: string;
  /** What to do, as a sentence. */
  remedy: string;
}

/** The input is refused as a whole: nothing was written. */
export class Refused extends Error {
  readonly problems: readonly RowProblem[];
  constructor(problems: readonly RowProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** A problem as one readable line. */
export function formatProblem({ row, field, message, remedy }: RowProblem): string {
  const place = [row === null ? '' : `row ${row}`, field].filter(Boolean).join(', ');
  return `${place}${place && ': '}${message}. ${remedy}`;
}
