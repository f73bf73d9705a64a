import { expect, test } from 'vitest';
import type { AgentClient } from '../../../agent/hubctl/cli/client.ts';
import type { CommandContext } from '../../../agent/hubctl/cli/command.ts';
import { logsCommand } from '../../../agent/hubctl/commands/logs.ts';
import { createFakeTerminal } from './fake-terminal.ts';

test('log lines for a person have the date where it changes', async () => {
  const line = (time: unknown, msg: string) => JSON.stringify({ level: 'info', time, event: 'x', msg });
  const lines = [
    line('2026-11-21T23:59:58.000Z', 'first'),
    line('2026-11-21T23:59:59.000Z', 'second'),
    'plain words of systemd',
    line('2026-11-22T00:00:01.000Z', 'third'),
    line(7, 'no time'),
    line('2026-11-22T00:00:02.000Z', 'fourth'),
  ];
  const client = {
    lines: async (_options: unknown, onLine: (line: string) => void) => lines.forEach(onLine),
  } as unknown as AgentClient;
  const ports = { clock: { schedule: () => () => {} } };
  const run = async (json: boolean) => {
    const terminal = createFakeTerminal();
    const context = { client, terminal, ports, json, options: { lines: '10' } } as unknown as CommandContext;
    expect(await logsCommand.run(context)).toBe(0);
    return terminal.text().split('\n');
  };
  expect(await run(false)).toEqual([
    '2026-11-21, times are UTC',
    '23:59:58 info  first (x)',
    '23:59:59 info  second (x)',
    'plain words of systemd',
    '2026-11-22, times are UTC',
    '00:00:01 info  third (x)',
    expect.stringContaining('info  no time (x)'),
    '00:00:02 info  fourth (x)',
  ]);
  expect(await run(true)).toHaveLength(lines.length);
});
