import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CommandContext } from '../../../../agent/hubctl/cli/command.ts';
import { logsCommand } from '../../../../agent/hubctl/commands/logs.ts';
import { createOutputGuard } from '../../../../agent/hubctl/terminal/output-guard.ts';
import { createTerminal, type Terminal } from '../../../../agent/hubctl/terminal/terminal.ts';
import { printableStrings } from '../../../../agent/system/printable.ts';

const HOSTILE = [
  '\u001b[2J\u001b]0;owned\u0007',
  '\u009b31mC1',
  'a\u202egnp.exe',
  '\u2066isolate\u2069',
  'line\r\nERROR forged',
  '\u2028line\u2029',
  'zero\u200bwidth\ufeff',
  'tag\u{e0041}\u{e007f}',
  '\u061c\u00ad\u180e',
  'half \ud83d of a pair',
  '\u001b[31mred\u001b[0m',
  '\u001b]8;;https://example.com\u001b\\link',
  '\u0000\u0008\u007f',
];
/** What a terminal may get beside what can be seen: line feeds, and hubctl's own colours. */
const FORBIDDEN =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/u;
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary' })), { maxLength: 6 })
  .map((parts) => parts.join(''));

/** The real terminal on a process that keeps what is written. */
function screen(json: boolean, isTTY = true) {
  const written: string[] = [];
  const stream = () => Object.assign(new EventEmitter(), { isTTY, columns: 80, write: (text: string) => written.push(text) });
  const process = Object.assign(new EventEmitter(), { stdin: stream(), stdout: stream(), stderr: stream(), env: { TERM: 'xterm' } });
  return { written, terminal: createTerminal(process as unknown as NodeJS.Process, json) };
}

/** `hubctl logs` with an agent whose log holds these lines. */
async function showLogs(lines: string[], terminal: Terminal, json: boolean): Promise<void> {
  const client = {
    async lines(_options: unknown, onLine: (line: string) => void) {
      for (const line of lines) onLine(line);
    },
  };
  const clock = { nowMs: () => 0, schedule: () => () => {} };
  const context = { client, terminal, json, options: { lines: '10' }, ports: { clock, isRoot: false } };
  await logsCommand.run(context as unknown as CommandContext);
}

const visible = (text: string) => text.replace(/\u001b\[(?:31|32|33|1|2|0)m/g, '');

test('whatever a screen is made of, only its own colours and lines reach the terminal', async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      const { written, terminal } = screen(false);
      terminal.out(`ssid ${text}`);
      terminal.error(`cannot read /etc/${text}`);
      terminal.out(terminal.paint('bad', text));
      await showLogs([JSON.stringify({ level: 'warn', msg: text, ssid: text, event: text }), text], terminal, false);
      expect(written.length).toBeGreaterThanOrEqual(5);
      for (const each of written) expect(visible(each)).not.toMatch(FORBIDDEN);
    }),
    { seed: 11, numRuns: 500 },
  );
});

test('a colour that came from outside is none', () => {
  const { written, terminal } = screen(false);
  terminal.out(`\u001b[31mALARM\u001b[0m ${terminal.paint('good', 'fine')}`);
  expect(written).toEqual(['·[31mALARM·[0m \u001b[32mfine\u001b[0m\n']);
});

test('a mark of another run opens nothing', () => {
  const [mine, other] = [createOutputGuard(false), createOutputGuard(false)];
  expect(mine.pass(`\u001b[${other.mark}31mx`)).not.toContain('\u001b');
  expect(mine.pass(`\u001b[${mine.mark}31mx`)).toBe('\u001b[31mx');
});

test('JSON keeps its meaning and carries no such character', async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      const { written, terminal } = screen(true);
      const value = { ssid: text, [text]: [text] };
      terminal.out(JSON.stringify(value));
      await showLogs([`{"msg":\t${JSON.stringify(text)}}`, text], terminal, true);
      expect(written).toHaveLength(3);
      for (const each of written) expect(each).not.toMatch(FORBIDDEN);
      expect(JSON.parse(written[0]!)).toEqual(value);
      expect(JSON.parse(written[1]!)).toEqual({ msg: text });
    }),
    { seed: 12, numRuns: 500 },
  );
});

test("the agent's own lines are printable once they are decoded, with the lines of a stack", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const line = JSON.parse(printableStrings(JSON.stringify({ msg: text, err: { stack: `Error\n    at ${text}` } })));
      expect(`${line.msg}${line.err.stack}`).not.toMatch(FORBIDDEN);
      expect(line.err.stack).toMatch(/^Error\n {4}at /);
    }),
    { seed: 13, numRuns: 300 },
  );
});
