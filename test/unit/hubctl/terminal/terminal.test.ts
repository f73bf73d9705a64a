import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createTerminal } from '../../../../agent/hubctl/terminal/terminal.ts';

/** The columns of a terminal of this width, or of a pipe in this environment. */
function columns(width: number | undefined, env: Record<string, string> = {}): number {
  const stream = () => Object.assign(new EventEmitter(), { columns: width, write: () => true });
  const process = Object.assign(new EventEmitter(), { stdin: stream(), stdout: stream(), stderr: stream(), env });
  return createTerminal(process as unknown as NodeJS.Process, false).columns;
}

test.each([
  [132, {}, 132],
  [20, {}, 40],
  [0, {}, 80],
  [undefined, {}, 80],
  [undefined, { COLUMNS: '100' }, 100],
  [undefined, { COLUMNS: '99.9' }, 99],
  [undefined, { COLUMNS: '-5' }, 40],
  [undefined, { COLUMNS: 'wide' }, 80],
  // A line is padded to its width: no text is as long as these.
  [undefined, { COLUMNS: '999999999' }, 1_000],
  [undefined, { COLUMNS: '1e300' }, 1_000],
  [undefined, { COLUMNS: 'Infinity' }, 1_000],
  [65_535, {}, 1_000],
])('a terminal of %s columns, environment %j: lines of %i', (width, env, expected) => expect(columns(width, env)).toBe(expected));
