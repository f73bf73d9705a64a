import { expect, test } from 'vitest';
import type { StatusReport } from '../../../agent/control/api.ts';
import { assess } from '../../../agent/health/assess.ts';
import { problemsOf } from '../../../agent/hubctl/cli/problems.ts';
import { statusScreen } from '../../../agent/hubctl/commands/status.ts';
import { HEALTHY, ILL, NOW_MS } from '../hubctl/fixtures.ts';

const { cloud, agent, host } = HEALTHY;
const DOWN = { ...cloud, phase: 'waiting', waitReason: 'backoff', session: null, sessionAgeMs: null } as const;
const UNAVAILABLE = {
  id: 'rs485',
  protocol: 'osdp',
  state: 'unavailable',
  error: { code: 'bus_unavailable', message: '/dev/ttyUSB0 does not exist', reason: 'missing' },
} as const;
const ATTIC = { id: 'attic', protocol: 'osdp', state: 'up' } as const;
const shadow = { confirmedAt: null, unconfirmedMs: 20_000, lastFailure: null };

test.each<[string, Partial<StatusReport>, string[]]>([
  ['a healthy hub', {}, []],
  ['no connection', { cloud: { ...DOWN, lastDown: 'unauthorized' } }, ['cloud_down']],
  ['no clock yet', { cloud: { ...DOWN, waitReason: 'clock_unsynced' } }, ['cloud_waits_for_clock']],
  ['a silent Shadow service', { cloud: { ...cloud, shadow } }, ['shadow_unconfirmed']],
  ['a silent Shadow service without a session', { cloud: { ...DOWN, shadow } }, ['cloud_down']],
  ['a copy of the identity', { cloud: { ...cloud, takeovers: 1 } }, ['cloud_taken_over']],
  ['a copy of before', { alarms: [{ kind: 'taken_over', node: null, since: NOW_MS }] }, ['cloud_was_taken_over']],
  [
    'a copy of before that came again',
    { cloud: { ...cloud, takeovers: 1 }, alarms: [{ kind: 'taken_over', node: null, since: NOW_MS }] },
    ['cloud_taken_over'],
  ],
  ['an open tamper switch', { alarms: [{ kind: 'tamper', node: 'rs485/5', since: NOW_MS }] }, ['node_tamper']],
  ['a closed one', { alarms: [{ kind: 'tamper', node: 'rs485/5', since: NOW_MS, until: NOW_MS }] }, []],
  ['a policy without executions', { cloud: { ...cloud, leftOut: ['executions'] } }, ['cloud_refuses']],
  ['a new connection', { cloud: { ...cloud, reconnectCount: 2, sessionAgeMs: 1_000 } }, ['cloud_reconnected']],
  [
    'a port that is gone',
    { buses: [UNAVAILABLE], nodes: { total: 8, available: 0, scanComplete: true } },
    ['bus_unavailable', 'nodes_silent'],
  ],
  ['no node', { nodes: { total: 0, available: 0, scanComplete: true } }, ['bus_no_node']],
  ['no node yet', { nodes: { total: 0, available: 0, scanComplete: false } }, []],
  ['caught exceptions', { agent: { ...agent, faults: [{ place: 'timer', count: 1, lastAt: NOW_MS }] } }, ['agent_faults']],
  ['a state that cannot be written', { fileFaults: [{ path: '/s/a', operation: 'writeAtomic', code: 'EROFS' }] }, ['files_failing']],
  ['a record that was set aside', { fileFaults: [{ path: '/s/a', operation: 'read', code: 'EISDIR' }] }, []],
  ['a full disk', { agent: { ...agent, logOutput: { droppedLines: 1, failing: 'ENOSPC' } } }, ['log_no_space']],
  ['a dead journal', { agent: { ...agent, logOutput: { droppedLines: 1, failing: 'EAGAIN' } } }, ['log_unwritable']],
  ['a journal that was dead', { agent: { ...agent, logOutput: { droppedLines: 1, failing: null } } }, ['log_lines_lost']],
  ['a clock that is not set', { clock: { nowMs: NOW_MS, synchronized: false } }, ['clock_unset']],
  ['little room', { host: { ...host, memoryAvailableBytes: 1e6, diskAvailableBytes: 1e6 } }, ['memory_low', 'disk_low']],
])('%s', (_what, changes, codes) => {
  const report = { ...HEALTHY, ...changes };
  expect(assess(report, []).map(({ code }) => code)).toEqual(codes);
  expect(problemsOf(report).map(({ code }) => code)).toEqual(codes);
});

test('a count of one is a word, and a question ends as one', () => {
  const screen = (changes: Partial<StatusReport>) => statusScreen({ ...HEALTHY, ...changes }, 200, (_colour, text) => text).join('\n');
  const counted = screen({ cloud: { ...cloud, takeovers: 1, reconnectCount: 1 } });
  expect(counted).toContain(', reconnected once\n');
  expect(counted).toContain('identity of this hub, once.');
  expect(screen({ cloud: { ...cloud, reconnectCount: 2 } })).toContain(', reconnected 2 times\n');
  const error = { ...UNAVAILABLE.error, message: '/dev/ttyUSB0 does not exist: is the adapter plugged in?' };
  expect(screen({ buses: [{ ...UNAVAILABLE, error }] })).toContain('is the adapter plugged in? See: ');
});

const shown = (report: StatusReport) => statusScreen(report, 200, (_colour, text) => text).filter((line) => line.startsWith('!'));

test('a policy that ends the session has a sentence on the screen', () => {
  expect(shown({ ...HEALTHY, cloud: { ...DOWN, lastDown: 'unauthorized' } })).toEqual([
    '! The hub is not connected to the cloud: the cloud ended the session because the policy forbids what the hub did; it waits before the next attempt. See: sudo hubctl doctor',
  ]);
});

test('a consequence is not listed beside its cause; JSON names both', () => {
  const dead = { ...HEALTHY, buses: [UNAVAILABLE], nodes: { total: 8, available: 0, scanComplete: true } };
  expect(shown(dead)).toEqual(['! Bus rs485: /dev/ttyUSB0 does not exist. See: sudo hubctl doctor']);
  expect(problemsOf(dead)).toMatchObject([
    { code: 'bus_unavailable', subject: 'rs485', causedBy: null },
    { code: 'nodes_silent', subject: 'rs485', causedBy: 'bus_unavailable' },
  ]);
  const clockless = {
    ...HEALTHY,
    cloud: { ...DOWN, waitReason: 'clock_unsynced' as const },
    clock: { nowMs: NOW_MS, synchronized: false },
  };
  expect(shown(clockless)).toEqual(['! The clock was not set from the network since the start. See: timedatectl']);
});

test('the silent nodes of another bus than the unavailable one are listed', () => {
  const nodesByBus = [
    { bus: 'rs485', total: 5, available: 0 },
    { bus: 'attic', total: 3, available: 2 },
  ];
  const both = { ...HEALTHY, buses: [UNAVAILABLE, ATTIC], nodes: { total: 8, available: 2, scanComplete: true } };
  expect(shown({ ...both, nodesByBus })).toEqual([
    '! Bus rs485: /dev/ttyUSB0 does not exist. See: sudo hubctl doctor',
    '! 1 of 3 nodes of attic is silent. See: hubctl nodes',
  ]);
  // An older agent does not say whose they are.
  expect(shown(both).at(-1)).toBe('! 6 of 8 nodes are silent. See: hubctl nodes');
});

test('every problem keeps the fields that scripts know', () => {
  const problems = problemsOf(ILL);
  expect(problems.length).toBeGreaterThan(6);
  for (const { text, next } of problems) {
    expect(text).toMatch(/^[A-Z0-9].*\.$/s);
    expect(next).toBeTypeOf('string');
  }
});
