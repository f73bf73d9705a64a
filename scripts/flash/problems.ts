/** What is wrong with a row of the manifest, and what to do about it. Never quotes a key. */
export interface RowProblem {
  /** Line of a CSV file, index from 1 of a JSON list; null for the manifest as a whole. */
  row: number | null;
  field: string;
  message: string;
  /** What to do, as a sentence. */
  remedy: string;
}

/** The input is refused as a whole: no hub was written. */
export class Refused extends Error {
  readonly problems: readonly RowProblem[];
  constructor(problems: readonly RowProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** Does a part of the check. When it refuses, its problems are added to the others and null is given: one run names all problems. */
export async function gather<T>(problems: RowProblem[], check: () => Promise<T>): Promise<T | null> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problems.push(...error.problems);
    return null;
  }
}

/** One hub is refused, which says nothing about the next one. Any other error with a hub is a fault of the station. */
export class HubRefused extends Error {}

/** The program was started in a way that cannot work; the message says how to start it. */
export class UsageError extends Error {}

/** A program that is needed is not installed; the message says what to install. */
export class MissingProgram extends Error {}

/** A problem as one readable line. */
export function formatProblem({ row, field, message, remedy }: RowProblem): string {
  const place = [row === null ? '' : `row ${row}`, field].filter(Boolean).join(', ');
  return `${place}${place && ': '}${message}. ${remedy}`;
}
