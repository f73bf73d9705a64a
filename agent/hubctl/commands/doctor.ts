import { guess } from '../../system/misspelt.ts';
import { printable } from '../../system/printable.ts';
import { type Command, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { CheckResult, CheckStatus } from '../doctor/check.ts';
import { CHECK_NAMES } from '../doctor/names.ts';
import type { Colour, Paint } from '../terminal/terminal.ts';
import { field, padEnd } from '../terminal/text.ts';

const NAME_WIDTH = 13;
const MARKS: Readonly<Record<CheckStatus, { mark: string; colour: Colour }>> = {
  ok: { mark: 'ok   ', colour: 'good' },
  warn: { mark: 'warn ', colour: 'warn' },
  fail: { mark: 'FAIL ', colour: 'bad' },
  skipped: { mark: '-    ', colour: 'dim' },
};
const INDENT = ' '.repeat(MARKS.ok.mark.length);

/** One finding; a bad one with its reason and the way out. */
export function findingLines({ check, status, finding, why, remedy, causedBy }: CheckResult, columns: number, paint: Paint): string[] {
  const { mark, colour } = MARKS[status];
  const width = columns - INDENT.length;
  const [first = '', ...rest] = field(padEnd(check, NAME_WIDTH), printable(finding), NAME_WIDTH, width);
  const lines = [paint(colour, mark) + first, ...rest.map((line) => INDENT + line)];
  if (status !== 'warn' && status !== 'fail') return lines;
  const below = (label: string, text: string) =>
    field(label, printable(text), 5, width - NAME_WIDTH).map((line) => ' '.repeat(INDENT.length + NAME_WIDTH) + line);
  // What is to be done stands with the cause.
  if (causedBy)
    return [...lines, ...below('why', `Caused by the finding of the check "${causedBy.check}".`).map((line) => paint('dim', line))];
  lines.push(...below('why', why).map((line) => paint('dim', line)));
  if (remedy !== null) lines.push(...below('do', remedy).map((line) => paint('bold', line)));
  return lines;
}

/** How many of each. */
export function summaryLine(results: readonly CheckResult[]): string {
  const count = (status: CheckStatus) => results.filter((result) => result.status === status).length;
  return `${count('fail')} failed, ${count('warn')} warned, ${count('ok')} ok, ${count('skipped')} skipped`;
}

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Checks everything: what is wrong, why it matters and how to fix it',
  usage: '[--check NAME,…]',
  details: [`NAME is one of ${CHECK_NAMES.join(', ')}.`, 'Works without the agent too; then it connects to the cloud as this hub.'],
  example: 'sudo hubctl doctor',
  options: { check: { type: 'string' } },
  async run({ terminal, json, options, ports, client, places }) {
    const names = typeof options.check === 'string' ? options.check.split(',') : [];
    const unknown = names.find((name) => !CHECK_NAMES.includes(name));
    if (unknown !== undefined)
      throw new UsageError(`There is no check "${unknown}".${guess(unknown, CHECK_NAMES)} The checks: ${CHECK_NAMES.join(', ')}.`);
    const { runDoctor } = await import('../doctor/doctor.ts');
    const results = await runDoctor({ ...ports, client, places }, names, (found) => {
      if (json) return;
      for (const result of found) for (const line of findingLines(result, terminal.columns, terminal.paint)) terminal.out(line);
    });
    if (json) terminal.out(JSON.stringify({ checks: results }));
    else terminal.out(`\n${summaryLine(results)}`);
    return results.some(({ status }) => status === 'fail') ? EXIT.bad : EXIT.ok;
  },
};
