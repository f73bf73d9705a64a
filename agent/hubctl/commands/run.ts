import type { CommandReport } from '../../control/api.ts';
import { parseBounded } from '../../system/bounded-json.ts';
import { printable } from '../../system/printable.ts';
import { messages } from '../answers/answer.ts';
import { anyResult, runAnswer } from '../answers/commands.ts';
import { AgentError, type Answer } from '../cli/client.ts';
import { type Command, type CommandContext, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { field } from '../terminal/text.ts';

/** Runs a command as if it came from the cloud; `show` gets the result when it succeeded. Returns the exit code. */
export async function runCommand<T>(
  { client, terminal, json }: CommandContext,
  command: string,
  args: Record<string, unknown>,
  answer: Answer<T>,
  show: (result: T, report: CommandReport) => void,
): Promise<number> {
  let report: CommandReport | null = null;
  let waited = 0;
  const onLine = messages(runAnswer, (message) => {
    if (!message.waiting) report = message.report ?? null;
    else if (++waited === 3 && !json) terminal.error(`${command} runs …`);
  });
  await client.lines({ path: '/v1/run', body: { command, args }, signal: terminal.interrupted }, onLine);
  if (terminal.interrupted.aborted) return EXIT.interrupted;
  const { outcome } = (report ?? {}) as Partial<CommandReport>;
  if (!report || !outcome) throw new AgentError('down', 'The agent ended before it answered.');
  if (outcome.status === 'SUCCEEDED') {
    show(answer(outcome.result), report);
    return EXIT.ok;
  }
  const { code, message, details = [] } = outcome.error;
  if (json) terminal.out(JSON.stringify({ status: outcome.status, error: outcome.error }));
  else {
    terminal.error(`hubctl: ${command} ${outcome.status} (${code}): ${printable(message)}`);
    for (const { field: name, message: text } of details) terminal.error(`  ${printable(name)}: ${printable(text)}`);
  }
  return EXIT.bad;
}

/** A result of any shape as indented rows: for people, not for programs. */
function describe(value: unknown, columns: number, indent = 0): string[] {
  if (typeof value !== 'object' || value === null) return [`${' '.repeat(indent)}${printable(String(value))}`];
  return Object.entries(value).flatMap(([key, item]) => {
    const label = `${' '.repeat(indent)}${Array.isArray(value) ? '-' : printable(key)}`;
    if (typeof item !== 'object' || item === null)
      return field(label, printable(String(item ?? '-')), Math.max(20, label.length + 1), columns);
    const inner = describe(item, columns, indent + 2);
    return [label, ...inner];
  });
}

/** The commands that change nothing: those of the hub's catalog that are `repeatable`. Another one that only reads is added here. */
const READ_ONLY = ['get_nodes', 'server_info'];

export const runCommandCommand: Command = {
  name: 'run',
  summary: 'Runs a command on the path it takes from the cloud, and shows its answer',
  usage: `${READ_ONLY.join('|')} [--args JSON]`,
  details: ['It waits for its resource like every other command, and appears in hubctl commands.'],
  example: `sudo hubctl run get_nodes --args '{"refresh": true}'`,
  options: { args: { type: 'string' } },
  words: { min: 1, max: 1 },
  choices: READ_ONLY,
  async run(context) {
    const { terminal, json, words, options } = context;
    const command = words[0]!;
    if (!READ_ONLY.includes(command)) throw new UsageError(`run takes ${READ_ONLY.join(' or ')}; Wi-Fi is changed with 'hubctl wifi set'.`);
    let args: unknown = {};
    try {
      if (typeof options.args === 'string') args = parseBounded(options.args);
    } catch {
      throw new UsageError('--args is not JSON.');
    }
    return runCommand(context, command, args as Record<string, unknown>, anyResult, (result, report) => {
      if (json) return terminal.out(JSON.stringify(report));
      for (const line of describe(result, terminal.columns)) terminal.out(line);
    });
  },
};
