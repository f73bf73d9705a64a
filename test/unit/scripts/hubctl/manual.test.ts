import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../../agent/hubctl/cli/hubctl.ts';
import { CHECK_NAMES } from '../../../../agent/hubctl/doctor/names.ts';
import { bashCompletion } from '../../../../scripts/hubctl/completion.ts';
import { manPage } from '../../../../scripts/hubctl/man.ts';

const completion = bashCompletion(COMMANDS, CHECK_NAMES);

/** What bash offers for the last word. */
function complete(...words: string[]): string[] {
  const script = `${completion}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _hubctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', 'hubctl', ...words], { encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

test('bash completes commands, their words, options and values', () => {
  expect(complete('no')).toEqual(['nodes']);
  expect(complete('wifi', '')).toEqual(['status', 'scan', 'set']);
  expect(complete('wifi', 'set', '--h')).toEqual(['--hidden', '--help']);
  expect(complete('doctor', '--check', 'ce')).toEqual(['certificate']);
  expect(complete('run', 'g')).toEqual(['get_nodes']);
  expect(complete('nodes', '--w')).toEqual(['--watch']);
  expect(complete('nodes', 'scan', '--w')).toEqual([]);
});

test('the manual names every command with its example', () => {
  const page = manPage(COMMANDS, '1.2.3', '2026-01-01');
  for (const { name } of COMMANDS) expect(page).toContain(`hubctl ${name.replaceAll('-', '\\-')}`);
  expect(page).toContain('.SH EXIT STATUS');
  // A line that begins with a dot is a macro: every one must be one we meant.
  const macros = new Set(
    page
      .split('\n')
      .filter((line) => line.startsWith('.'))
      .map((line) => line.split(' ')[0]),
  );
  expect([...macros].sort()).toEqual(['.B', '.BR', '.I', '.RI', '.SH', '.TH', '.TP', '.br']);
});
