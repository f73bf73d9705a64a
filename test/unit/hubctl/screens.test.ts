import { describe, expect, test } from 'vitest';
import type { StatusReport } from '../../../agent/control/api.ts';
import type { AgentClient } from '../../../agent/hubctl/cli/client.ts';
import type { CommandContext } from '../../../agent/hubctl/cli/command.ts';
import { commandsCommand } from '../../../agent/hubctl/commands/commands.ts';
import { findingLines, summaryLine } from '../../../agent/hubctl/commands/doctor.ts';
import { nodeScreen } from '../../../agent/hubctl/commands/node-screen.ts';
import { nodesScreen, storedNodesScreen } from '../../../agent/hubctl/commands/nodes.ts';
import { statusScreen } from '../../../agent/hubctl/commands/status.ts';
import type { CheckResult } from '../../../agent/hubctl/doctor/check.ts';
import { createPaint, type Paint } from '../../../agent/hubctl/terminal/terminal.ts';
import { widthOf } from '../../../agent/hubctl/terminal/text.ts';
import { createFakeTerminal } from './fake-terminal.ts';
import { DETAILED, FINDINGS, HEALTHY, ILL, NODES, NOW_MS, STORED } from './fixtures.ts';
import { doctorOf, SICK_PERIPHERALS } from './sick-peripherals.ts';

const doctorScreen = (results: readonly CheckResult[], columns: number, paint: Paint) => [
  ...results.flatMap((result) => findingLines(result, columns, paint)),
  '',
  summaryLine(results),
];
const sickBus = await doctorOf(SICK_PERIPHERALS);

const SCREENS: Record<string, (columns: number, paint: Paint) => string[]> = {
  status: (columns, paint) => statusScreen(HEALTHY, columns, paint),
  'status of an ill hub': (columns, paint) => statusScreen(ILL, columns, paint),
  nodes: (columns, paint) => nodesScreen(NODES, NOW_MS, columns, paint),
  'nodes on the disk': (columns, paint) => storedNodesScreen(STORED, NOW_MS, columns, paint),
  'one node on the disk': (columns, paint) => nodeScreen(STORED.nodes[1]!, NOW_MS, columns, paint, STORED.nodes[1]),
  'one node': (columns, paint) => nodeScreen(DETAILED, NOW_MS, columns, paint),
  doctor: (columns, paint) => doctorScreen(FINDINGS, columns, paint),
  'doctor of ten sick peripherals': (columns, paint) => doctorScreen(sickBus, columns, paint),
};
const plain = createPaint(false, {});
const coloured = createPaint(true, {});

describe.each(Object.entries(SCREENS))('the screen %s', (_name, screen) => {
  test.each([60, 100])('at %i columns', (columns) => {
    expect(`\n${screen(columns, plain).join('\n')}\n`).toMatchSnapshot();
  });

  test.each([40, 60, 80, 100, 200])('fits into %i columns', (columns) => {
    for (const line of screen(columns, plain)) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
  });

  test('is the same text with colours', () => {
    expect(
      screen(60, coloured)
        .join('\n')
        .replace(/\u001b\[\d+m/g, ''),
    ).toBe(screen(60, plain).join('\n'));
  });

  test('lets nothing from outside drive the terminal', () => {
    expect(screen(60, plain).join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});

test('the doctor names each of ten sick peripherals', () => {
  const texts = sickBus.map(({ finding }) => finding).join('\n');
  for (const { nodeId } of SICK_PERIPHERALS.filter(({ security }) => security !== 'default_key')) expect(texts).toContain(nodeId);
  expect(sickBus.filter(({ status }) => status !== 'ok').every(({ code, remedy }) => code !== undefined && remedy !== null)).toBe(true);
  expect(sickBus.filter(({ code }) => code === 'nodes_default_key')).toMatchObject([
    { subject: 'rs485', remedy: expect.stringContaining('rs485 8 ') },
  ]);
});

test('colours are for terminals, and not where they are unwanted', () => {
  expect(createPaint(false, {})('bad', 'x')).toBe('x');
  expect(createPaint(true, { NO_COLOR: '1' })('bad', 'x')).toBe('x');
  expect(createPaint(true, { TERM: 'dumb' })('bad', 'x')).toBe('x');
  expect(createPaint(true, { TERM: 'xterm' })('bad', 'x')).toBe('\u001b[31mx\u001b[0m');
});

const ANSWERED = HEALTHY.lastCommands[0]!;
const failure = (status: 'FAILED' | 'REJECTED' | 'TIMED_OUT', code: string) => ({ ...ANSWERED, answered: { status, code } });
const COMMANDS = [
  { ...failure('FAILED', 'bus_unavailable'), id: 'c1' },
  { ...failure('REJECTED', 'unknown_command'), id: 'c2', command: 'x'.repeat(64) },
  { ...ANSWERED, id: 'c3' },
  { ...ANSWERED, id: 'c4', answered: null },
  { ...ILL.lastCommands[0]!, id: 'c5' },
  { ...ILL.lastCommands[0]!, id: 'c6', stage: 'finished' },
  { ...ANSWERED, id: 'c7', status: 'IN_PROGRESS' as const, stage: 'taken', answered: null, finishedAt: null },
];
const ANSWERS = [
  'FAILED bus_unavailable',
  'REJECTED unknown_command',
  'SUCCEEDED',
  'answered',
  'FAILED wifi_authentication_failed',
  'FAILED wifi_authentication_failed, not delivered',
  'IN_PROGRESS',
];

async function commandsScreen(commands: StatusReport['lastCommands'], columns: number): Promise<string[]> {
  const terminal = createFakeTerminal({ columns });
  const client = { get: async () => ({ commands }) } as unknown as AgentClient;
  expect(await commandsCommand.run({ terminal, client, json: false } as unknown as CommandContext)).toBe(0);
  return terminal.text().split('\n');
}

test('the screens of commands tell how each was answered, and whether the answer waits', async () => {
  const rows = (await commandsScreen(COMMANDS, 220)).slice(1);
  const cells = rows.map((row) => row.trimEnd().split(/ {2,}/));
  expect(cells.map(([, , answer]) => answer)).toEqual(ANSWERS);
  expect(cells.map((row) => row.at(-1))).toEqual(['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7']);
  const status = statusScreen({ ...HEALTHY, lastCommands: COMMANDS }, 220, plain);
  const lines = status.slice(
    status.findIndex((line) => line.startsWith('Commands')),
    -2,
  );
  expect(lines).toHaveLength(COMMANDS.length);
  for (const [index, line] of lines.entries()) expect(line).toContain(` ${ANSWERS[index]} `);
});

test.each([60, 80])('at %i columns the answer stands beside a name that can be told, and what is left out is named', async (columns) => {
  const usual = { ...failure('REJECTED', 'invalid_args'), command: 'set_wifi_credentials', id: 'shadow-1795300000-0123abcd' };
  const lines = await commandsScreen([usual], columns);
  expect(lines[1]).toMatch(/set_wifi_credentials {2}REJECTED invalid_args/);
  expect(lines.slice(2).join(' ')).toMatch(/Too narrow for these columns: .*ID; --json has them/);
  for (const line of await commandsScreen(COMMANDS, columns)) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
});

test('the status cuts a long name before what came of the command, and dates what is not of today', () => {
  const unknown = { ...COMMANDS[1]!, receivedAt: NOW_MS - 86_400_000, finishedAt: NOW_MS - 86_400_000 };
  const screen = statusScreen({ ...HEALTHY, lastCommands: [unknown, ANSWERED] }, 80, plain).join('\n');
  expect(screen).toMatch(/^Commands {2}11-21 03:00:00 x+… REJECTED unknown_command 0\.0 s /m);
  expect(screen).toMatch(/^ {10}02:59:56 get_nodes SUCCEEDED/m);
});
