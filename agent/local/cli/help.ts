import type { Command } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { padEnd, wrap } from './text.ts';

const NAME_WIDTH = 14;

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
  [EXIT.bad, 'done, and the answer is bad news'],
  [EXIT.usage, 'wrong arguments'],
  [EXIT.down, 'the agent does not run'],
  [EXIT.bug, 'a bug'],
  [EXIT.hung, 'the agent does not answer'],
  [EXIT.forbidden, 'not permitted: use sudo'],
  [EXIT.config, 'the configuration is wrong'],
  [EXIT.interrupted, 'ended with Ctrl-C'],
];

/** The list of commands; for all of them also the options and exit codes. */
export function generalHelp(commands: readonly Command[], columns: number): string[] {
  const lines = commands.flatMap(({ name, summary }) =>
    wrap(summary, columns - NAME_WIDTH - 2).map((text, index) => `  ${padEnd(index === 0 ? name : '', NAME_WIDTH)}${text}`),
  );
  if (commands.length < 3) return lines;
  return [
    'usage: hubctl <command> [options]',
    '',
    ...lines,
    '',
    'options of every command:',
    ...GLOBAL_OPTIONS_HELP.map(([name, text]) => `  ${padEnd(name, 17)}${text}`),
    '',
    'exit codes:',
    ...EXIT_CODES_HELP.map(([code, text]) => `  ${String(code).padStart(3)}  ${text}`),
    '',
    "example: hubctl status; hubctl help 'wifi set'",
  ];
}

export function commandHelp({ name, summary, usage, details = [], example }: Command): string[] {
  return [
    `hubctl ${name}: ${summary}`,
    '',
    `usage: hubctl ${name} ${usage}`.trimEnd(),
    ...details.map((line) => `  ${line}`),
    '',
    `example: ${example}`,
  ];
}
