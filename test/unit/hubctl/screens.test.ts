import { describe, expect, test } from 'vitest';
import type { AgentClient } from '../../../agent/hubctl/cli/client.ts';
import type { CommandContext } from '../../../agent/hubctl/cli/command.ts';
import { commandsCommand } from '../../../agent/hubctl/commands/commands.ts';
import { findingLines, summaryLine } from '../../../agent/hubctl/commands/doctor.ts';
import { nodeScreen } from '../../../agent/hubctl/commands/node-screen.ts';
import { nodesScreen } from '../../../agent/hubctl/commands/nodes.ts';
import { statusScreen } from '../../../agent/hubctl/commands/status.ts';
import type { CheckResult } from '../../../agent/hubctl/doctor/check.ts';
import { createPaint, type Paint } from '../../../agent/hubctl/terminal/terminal.ts';
import { widthOf } from '../../../agent/hubctl/terminal/text.ts';
import { createFakeTerminal } from './fake-terminal.ts';
import { DETAILED, FINDINGS, HEALTHY, ILL, NODES, NOW_MS } from './fixtures.ts';
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

test('the screen commands tells a failure that was delivered from a success, and from an answer that waits', async () => {
  const [finished, delivered] = [HEALTHY.lastCommands[0]!, { status: null, stage: 'delivered', outcome: null }];
  const commands = [
    { ...finished, ...delivered, id: 'c1', answered: { status: 'FAILED', code: 'bus_unavailable' } },
    { ...finished, ...delivered, id: 'c2', answered: { status: 'SUCCEEDED', code: null } },
    { ...finished, ...delivered, id: 'c3', answered: null },
    { ...ILL.lastCommands[0]!, id: 'c4' },
  ];
  const terminal = createFakeTerminal({ columns: 120 });
  const client = { get: async () => ({ commands }) } as unknown as AgentClient;
  expect(await commandsCommand.run({ terminal, client, json: false } as unknown as CommandContext)).toBe(0);
  const rows = terminal.text().split('\n').slice(1);
  expect(rows.map((row) => /^\S+ \S+ +\S+ +(\S+(?: [A-Z]+)?) +(\S+) .* (c\d)$/.exec(row.trimEnd())?.slice(1))).toEqual([
    ['answered FAILED', 'bus_unavailable', 'c1'],
    ['answered', '-', 'c2'],
    ['answered', '-', 'c3'],
    ['FAILED', 'wifi_authentication_failed', 'c4'],
  ]);
});
