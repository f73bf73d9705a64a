import { lookUp } from '../../health/finding.ts';
import { parseBounded } from '../../system/bounded-json.ts';
import { printable } from '../../system/printable.ts';
import { AgentError } from '../cli/client.ts';
import { type Command, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, say } from '../cli/failure.ts';
import { hedged, QUICK_HELPER_MS } from '../cli/hedged-request.ts';
import type { Colour, Paint } from '../terminal/terminal.ts';
import { wrap } from '../terminal/text.ts';

const COLOURS: Readonly<Record<string, Colour>> = { debug: 'dim', trace: 'dim', warn: 'warn', error: 'bad', fatal: 'bad' };
/** What stands at the front of a line, and is not repeated. */
const LEADING = new Set(['level', 'time', 'msg', 'event', 'part']);
type Leading = [level: string, time: string, part: string, msg: string, event: string];
const INDENT = '  ';
const DEFAULT_LINES = '100';

/** The object that a line is; null: it is something else. The journal also has lines of systemd, in plain text. */
function lineObject(text: string): Record<string, unknown> | null {
  try {
    const value = parseBounded(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The value of a field as it stands in a line. */
const wordOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/** Lays out log lines for a person. A line with the date stands before the first line of each day. */
function createLayout(columns: number, paint: Paint): (text: string) => string {
  let day = '';
  return (text) => {
    const line = lineObject(text);
    if (line === null) return printable(text);
    const today = /^\d{4}-\d\d-\d\d(?=T)/.exec(wordOf(line.time))?.[0] ?? day;
    const date = today === day ? '' : `${paint('dim', `${today}, times are UTC`)}\n`;
    day = today;
    return date + logLine(line, columns, paint);
  };
}

/** One log line for a person: `01:48:24 warn  cloud: link down (cloud_down) reason=tls`. */
function logLine(line: Record<string, unknown>, columns: number, paint: Paint): string {
  const [level, time, part, msg, event] = [line.level, line.time, line.part, line.msg, line.event].map(wordOf) as Leading;
  const rest = Object.entries(line)
    .filter(([key]) => !LEADING.has(key))
    .map(([key, value]) => `${key}=${wordOf(value)}`);
  const front = `${time.slice(11, 19)} ${level.padEnd(5)} ${part && `${part}: `}`;
  const body = printable(`${front}${msg} ${event && `(${event}) `}${rest.join(' ')}`.trimEnd());
  const [first = '', ...others] = wrap(body, columns);
  const again = others.length === 0 ? [] : wrap(others.join(' '), columns - INDENT.length).map((row) => INDENT + row);
  const colour = lookUp<string, Colour | null>(COLOURS, level, null);
  return [first, ...again].map((row) => (colour ? paint(colour, row) : row)).join('\n');
}

/** One log line for a program. */
const jsonLine = (text: string): string => (lineObject(text) === null ? JSON.stringify({ msg: text }) : text);

/** What came of asking the journal. It shows nothing to others than root and its own groups (journalctl(1)). */
function journalWords(any: boolean | null, isRoot: boolean): string {
  if (any === null) return "The system's journal does not answer either.";
  if (any) return "This was the system's journal.";
  return isRoot ? "The system's journal has nothing either." : "The system's journal shows nothing to this user: sudo hubctl logs";
}

export const logsCommand: Command = {
  name: 'logs',
  summary: "The agent's last log lines, from its memory or the system's journal",
  usage: '[--lines N] [--follow]',
  details: ['--lines N   the last N lines, at most 2000 (100)', '--follow    continues with new lines until Ctrl-C'],
  example: 'hubctl logs --follow',
  options: { lines: { type: 'string', default: DEFAULT_LINES }, follow: { type: 'boolean', short: 'f' } },
  async run({ client, terminal, json, options, ports }) {
    const count = Number(options.lines);
    if (!Number.isInteger(count) || count < 0 || count > 2000) throw new UsageError('--lines must be a whole number from 0 to 2000.');
    const lay = json ? jsonLine : createLayout(terminal.columns, terminal.paint);
    const show = (line: string) => terminal.out(lay(line));
    const path = `/v1/logs?lines=${count}${options.follow ? '&follow=1' : ''}`;
    let answered = false;
    const asked = attempt(
      client.lines({ path, signal: terminal.interrupted }, (line) => {
        answered = true;
        show(line);
      }),
    );
    const follow = options.follow === true;
    const read = (onLine: (line: string) => void) =>
      ports.journal({ lines: count, follow, signal: terminal.interrupted, timeoutMs: QUICK_HELPER_MS }, onLine);
    const kept: string[] = [];
    // What is to be followed comes after the agent's own lines, if there are any.
    const early = follow
      ? null
      : hedged(ports.clock, asked, async () => (answered ? null : { any: await read((line) => kept.push(line)) }));
    const { problem } = await asked;
    if (!problem) {
      if (terminal.interrupted.aborted || !follow) return terminal.interrupted.aborted ? EXIT.interrupted : EXIT.ok;
      throw new AgentError('down', 'The agent ended.');
    }
    const journal = (await early) ?? { any: await read(show) };
    for (const line of kept) show(line);
    if (json) terminal.out(JSON.stringify({ error: { code: `agent_${problem.problem}`, message: problem.message } }));
    else say(terminal, `hubctl: ${problem.message} ${journalWords(journal.any, ports.isRoot)}`);
    return codeOf(problem);
  },
};
