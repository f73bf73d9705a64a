import { expect, test } from 'vitest';
import { wifiFinding } from '../../../../agent/health/wifi.ts';
import { nodesAnswer } from '../../../../agent/hubctl/answers/nodes.ts';
import { statusAnswer } from '../../../../agent/hubctl/answers/status.ts';
import { traceAnswer } from '../../../../agent/hubctl/answers/trace.ts';
import { joinAnswer, networksAnswer } from '../../../../agent/hubctl/answers/zigbee.ts';
import { alarmLines } from '../../../../agent/hubctl/cli/alarm-words.ts';
import { problemsOf } from '../../../../agent/hubctl/cli/problems.ts';
import { nodeScreen } from '../../../../agent/hubctl/commands/node-screen.ts';
import { statusScreen } from '../../../../agent/hubctl/commands/status.ts';
import { DETAILED, HEALTHY, NODES, NOW_MS } from '../fixtures.ts';
import { NETWORK } from '../right-answers.ts';

const plain = (_colour: string, text: string) => text;

/** What a screen says of a word that only a newer agent knows, or that every object inherits. */
const SCREENS: readonly [where: string, screen: (word: never) => string, expected: (word: string) => string][] = [
  ['alarm', (kind) => alarmLines([{ kind, node: 'z/1', since: NOW_MS }]).join(), (word) => `z/1: ${word} since`],
  [
    'file operation',
    (operation) => problemsOf({ ...HEALTHY, fileFaults: [{ path: '/x', operation, code: 'EIO' }] })[0]!.text,
    (word) => `cannot ${word} /x`,
  ],
  [
    'output failure',
    (failing) => problemsOf({ ...HEALTHY, agent: { ...HEALTHY.agent, logOutput: { droppedLines: 1, failing } } })[0]!.text,
    (word) => `(${word})`,
  ],
  [
    'shadow failure',
    (lastFailure) =>
      problemsOf({ ...HEALTHY, cloud: { ...HEALTHY.cloud, shadow: { confirmedAt: null, unconfirmedMs: 20_000, lastFailure } } })[0]!.text,
    () => 'The Shadow service does not answer',
  ],
  [
    'obstacle of the Wi-Fi',
    (reason) => wifiFinding({ reason, message: `it is ${reason}`, device: 'wlan0' }).text,
    (word) => `the Wi-Fi cannot be used: it is ${word}`,
  ],
  [
    'version of OSDP',
    (osdpVersion) => nodeScreen({ ...DETAILED, osdpVersion }, NOW_MS, 80, plain).join('\n'),
    (word) => `OSDP       ${word}`,
  ],
  [
    'status of a command',
    (status) => statusScreen({ ...HEALTHY, lastCommands: [{ ...HEALTHY.lastCommands[0]!, status }] }, 80, plain).join('\n'),
    (word) => `get_nodes ${word}`,
  ],
];

test.each(SCREENS)('%s: a word that hubctl does not know stands as it is', (_where, screen, expected) => {
  for (const word of ['newer_word', 'not_joined', 'constructor', 'toString']) {
    const text = screen(word as never);
    expect(text).toContain(expected(word));
    expect(text).not.toMatch(/undefined|\[native code\]/);
  }
});

test('a time that is none is a question mark', () => {
  expect(nodeScreen({ ...DETAILED, lastSeen: 'yesterday' }, NOW_MS, 80, plain).join('\n')).toContain('? s ago');
});

test('an answer with more than hubctl knows of is taken as it is', () => {
  const status = {
    ...HEALTHY,
    later: 1,
    cloud: { ...HEALTHY.cloud, phase: 'asleep', later: [] },
    buses: [{ ...HEALTHY.buses[0], later: {} }],
  };
  expect(statusAnswer(status)).toBe(status);
  const nodes = { ...NODES, nodes: [{ ...DETAILED, protocol: 'later', inputs: ['later'], later: { later: 1 } }] };
  expect(nodesAnswer(nodes)).toBe(nodes);
  const join = { event: 'later', seconds: 'later' };
  expect(joinAnswer(join)).toBe(join);
});

test('an agent of before says nothing of what came later', () => {
  const { faults: _faults, logOutput: _logOutput, ...agent } = HEALTHY.agent;
  const status = { ...HEALTHY, agent };
  expect(statusAnswer(status)).toBe(status);
});

const NOTICES = { networks: [{ ...NETWORK, notices: [{ code: 'unknown_devices' }] }] };
const TRACE = { bus: 'rs485', kind: 'sent', address: 1, name: null, sequence: null, bytes: null, security: null, text: '' };

test.each([
  ['a field is missing', () => statusAnswer({ ...HEALTHY, buses: [{ id: 'rs485', protocol: 'osdp' }] }), 'buses[0].state is missing'],
  [
    'a field has another type',
    () => nodesAnswer({ ...NODES, nodes: [{ ...DETAILED, moved: 'rs485/0' }] }),
    'nodes[0].moved must be object',
  ],
  ['it is no object', () => statusAnswer(null), 'it must be object'],
  ['a known word has another shape', () => joinAnswer({ event: 'reporting', bus: 'zigbee', problem: null }), 'event'],
  ['a notice lacks its addresses', () => networksAnswer(NOTICES), 'networks[0].notices[0]'],
  ['no clock has the time', () => traceAnswer({ ...TRACE, at: 1e300 }), 'at must be at most'],
])('an answer is refused, with the field and no value: %s', (_what, read, field) => {
  expect(read).toThrow(expect.objectContaining({ name: 'AgentError', problem: 'unclear', message: expect.stringContaining(field) }));
});
