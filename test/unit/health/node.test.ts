import { expect, test } from 'vitest';
import type { Node } from '../../../agent/contract/node.ts';
import { nodeReport } from '../../../agent/control/node-findings.ts';
import { defaultKeyFindings, onDefaultKey } from '../../../agent/health/bus.ts';
import { nodeFindings } from '../../../agent/health/node.ts';
import { problemsOf } from '../../../agent/hubctl/cli/problems.ts';
import { HEALTHY, node } from '../hubctl/fixtures.ts';

const UNKNOWN = { vendor: null, model: null, serialNumber: null, firmwareVersion: null } as const;
const found = (changes: Partial<Node>) => nodeFindings([node('5', changes)]).map(({ code }) => code);

test.each<[string, Partial<Node>, string[]]>([
  ['a healthy node', {}, []],
  ['a node in clear', { security: 'none' }, []],
  ['a node that does not say who it is', UNKNOWN, ['node_unidentified']],
  ['a new one that was not asked yet', { ...UNKNOWN, firstSeen: node('5', {}).lastSeen }, []],
  ['a silent one that never said it', { ...UNKNOWN, available: false }, []],
  [
    'an address that never answered',
    { ...UNKNOWN, available: false, firstSeen: null, lastSeen: null, problem: 'garbled' },
    ['node_garbled'],
  ],
  ['a strict node without a key', { security: 'required' }, ['node_key_missing']],
  ['a strict node without a key that says nothing', { ...UNKNOWN, security: 'required' }, ['node_key_missing']],
  ['a strict node with another key', { ...UNKNOWN, security: 'required', securityReason: 'wrong_key' }, ['node_security_lost']],
  ['a node without power', { powerFault: true }, ['node_power_fault']],
  ['a node that went silent without power', { powerFault: true, available: false }, ['node_power_fault']],
  ['a node that flaps', { lossesLastHour: 3 }, ['node_flaps']],
  ['a node that was silent twice', { lossesLastHour: 2 }, []],
  ['a node of another protocol that comes and goes', { protocol: 'zigbee', lossesLastHour: 9 }, []],
  ['tamper, which the alarms tell', { tamper: true }, []],
])('%s', (_what, changes, codes) => {
  expect(found(changes)).toEqual(codes);
});

test('the default key is a finding of its bus, but not where a key of their own is wanted', () => {
  const nodes = [
    node('0', { security: 'default_key' }),
    node('1', { security: 'default_key', securityReason: 'no_own_key' }),
    node('2', { security: 'default_key', available: false }),
    node('3', {}),
  ];
  expect(onDefaultKey(nodes)).toEqual(['0']);
  expect(defaultKeyFindings([{ bus: 'rs485', defaultKey: [] }, { bus: 'attic' }])).toEqual([]);
  const nodesByBus = [{ bus: 'rs485', total: 4, available: 3, defaultKey: onDefaultKey(nodes) }];
  expect(problemsOf({ ...HEALTHY, nodesByBus })).toMatchObject([
    { code: 'nodes_default_key', severity: 'warn', subject: 'rs485', remedy: 'sudo hubctl bus rekey rs485 0 --default-key' },
  ]);
});

test('a full bus of warnings does not push a failure off the status screen', () => {
  const weak = Array.from({ length: 40 }, (_, address) => node(String(address), { powerFault: true }));
  const nodes = [...weak, node('99', { security: 'required' }), node('100', { security: 'none', securityReason: 'refused' })];
  const report = nodeReport(nodes);
  expect(report.length).toBeLessThan(weak.length);
  expect(report.slice(0, 3)).toMatchObject([
    { nodeId: 'rs485/100', kind: 'security_lost', severity: 'fail' },
    { nodeId: 'rs485/99', kind: 'key_missing', severity: 'fail' },
    { nodeId: 'rs485/0', kind: 'power_fault', severity: 'warn' },
  ]);
  expect(problemsOf({ ...HEALTHY, nodeFindings: report }).map(({ code }) => code)).toEqual(report.map(({ kind }) => `node_${kind}`));
  expect(nodeFindings(nodes)).toHaveLength(nodes.length);
});
