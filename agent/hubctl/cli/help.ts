import { field, padEnd, wrap } from '../terminal/text.ts';
import type { Command } from './command.ts';
import { EXIT } from './exit-codes.ts';

const NAME_WIDTH = 19;
const OPTION_WIDTH = 19;
const CODE_WIDTH = 7;
const INDENT = '  ';

/** What every command takes. */
export const GLOBAL_OPTIONS_HELP = [
  ['--json', 'print JSON, nothing else'],
  ['--config FILE', 'the configuration (/etc/hub-agent/agent.json)'],
  ['--identity FILE', 'the identity (/etc/hub-agent/identity.json)'],
  ['--socket FILE', 'the control socket (as configured)'],
  ['--help', 'about one command'],
] as const;

/** What the exit codes mean. */
export const EXIT_CODES_HELP: readonly [number, string][] = [
  [EXIT.ok, 'done, nothing wrong'],
  [EXIT.bad, 'done, and the hub or the command has a problem'],
  [EXIT.usage, 'wrong arguments'],
  [EXIT.down, 'the agent does not run'],
  [EXIT.bug, 'a bug'],
  [EXIT.output, 'the output could not be written (disk full)'],
  [EXIT.hung, 'the agent does not answer, or not as hubctl understands'],
  [EXIT.forbidden, 'not permitted: use sudo'],
  [EXIT.config, 'the configuration is wrong'],
  [EXIT.interrupted, 'ended with Ctrl-C'],
];

/** The list of commands; for all of them also the options and exit codes. */
export function generalHelp(commands: readonly Command[], columns: number): string[] {
  const lines = commands.flatMap(({ name, summary }) =>
    wrap(summary, columns - NAME_WIDTH - INDENT.length).map((text, index) => `  ${padEnd(index === 0 ? name : '', NAME_WIDTH)}${text}`),
  );
  if (commands.length < 3) return lines;
  return [
    'usage: hubctl <command> [options]',
    '',
    ...lines,
    '',
    'options of every command:',
    ...GLOBAL_OPTIONS_HELP.flatMap(([name, text]) => field(`${INDENT}${name}`, text, OPTION_WIDTH, columns)),
    '',
    'exit codes:',
    ...EXIT_CODES_HELP.flatMap(([code, text]) => field(`${INDENT}${String(code).padStart(3)}`, text, CODE_WIDTH, columns)),
    '',
    "example: hubctl status; hubctl help 'wifi set'",
  ];
}

/** A paragraph about an option: its label, and the text that wraps beside it. */
const LABELLED = /^(\S.*?\s{2,})?(.*)$/;

export function commandHelp({ name, summary, usage, details = [], example }: Command, columns: number): string[] {
  const detail = (line: string) => {
    const [, label = '', text = ''] = LABELLED.exec(line) ?? [];
    return field(label, text, label.length, columns - INDENT.length).map((row) => INDENT + row);
  };
  return [
    ...wrap(`hubctl ${name}: ${summary}`, columns),
    '',
    ...field('usage: ', `hubctl ${name} ${usage}`.trimEnd(), 7, columns),
    ...details.flatMap(detail),
    '',
    ...field('example: ', example, 9, columns),
  ];
}
