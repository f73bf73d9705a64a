import { expect, test } from 'vitest';
import { createMasker } from '../../../scripts/demo/page/mask.ts';
import type { EventBody } from '../../../scripts/demo/page/model/events.ts';
import { createJournalReader } from '../../vm/page/journal.ts';

function read(...lines: string[]) {
  const events: EventBody[] = [];
  const reader = createJournalReader({ mask: createMasker(['a password of somebody']), emit: (event) => events.push(event) });
  for (const line of lines) reader.line(line);
  return { events, reader };
}

const agent = (pid: number, line: object) => `[   88.102938] hub-agent[${pid}]: ${JSON.stringify(line)}\r`;
const taken = { level: 'info', time: '2026-01-01T00:00:00Z', event: 'command_taken', id: 'c-1', msg: 'command taken' };

test('the agent begins with its first line, and its lines are its log', () => {
  const { events, reader } = read('[    3.100000] dnsmasq[325]: started\r', agent(907, taken), agent(907, taken));
  expect(events).toEqual([
    { kind: 'agent', state: 'started', pid: 907 },
    { kind: 'log', level: 'info', event: 'command_taken', text: 'command taken id=c-1', fields: { id: 'c-1' } },
    { kind: 'log', level: 'info', event: 'command_taken', text: 'command taken id=c-1', fields: { id: 'c-1' } },
  ]);
  expect(reader.pid).toBe(907);
});

test.each([
  ['systemd[1]: hub-agent.service: Main process exited, code=killed, status=9/KILL', '9/KILL'],
  ['systemd[1]: hub-agent.service: Main process exited, code=exited, status=1/FAILURE', '1/FAILURE'],
])('systemd tells that it ended: %s', (text, code) => {
  const { events, reader } = read(agent(907, taken), `[   90.000001] ${text}\r`, `[   90.000002] ${text}\r`);
  expect(events.slice(2)).toEqual([{ kind: 'agent', state: 'ended', pid: 907, code }]);
  expect(reader.pid).toBe(null);
});

test('an end that nobody told shows when another process begins, or the power is gone', () => {
  const { events, reader } = read(agent(907, taken), agent(1022, taken));
  reader.powerLost();
  expect(events.filter(({ kind }) => kind === 'agent')).toEqual([
    { kind: 'agent', state: 'started', pid: 907 },
    { kind: 'agent', state: 'ended', pid: 907, code: 'unknown' },
    { kind: 'agent', state: 'started', pid: 1022 },
    { kind: 'agent', state: 'ended', pid: 1022, code: 'no power' },
  ]);
});

test('another unit whose name begins alike is not the agent, and what is no JSON is shown as it is, without secrets', () => {
  const { events } = read(
    '[    9.000000] systemd[1]: hub-agent-update.service: Main process exited, code=killed, status=9/KILL\r',
    '[    9.100000] hub-agent-update[700]: {"level":"info"}\r',
    '[    9.200000] hub-agent[907]: Segmentation fault: a password of somebody\r',
    '[    9.300000] hub-agent[907]: null\r',
    'no line of a journal',
    '',
  );
  expect(events.slice(1)).toEqual([{ kind: 'log', level: 'warn', event: 'output', text: 'Segmentation fault: ••••••', fields: {} }]);
});
