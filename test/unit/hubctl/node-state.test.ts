import { expect, test } from 'vitest';
import type { BusStatus, Node } from '../../../agent/contract/node.ts';
import { stateOf } from '../../../agent/hubctl/commands/node-state.ts';
import { nodesScreen } from '../../../agent/hubctl/commands/nodes.ts';
import { statusScreen } from '../../../agent/hubctl/commands/status.ts';
import { HEALTHY, NODES, NOW_MS, node } from './fixtures.ts';
import { doctorOf, SICK_PERIPHERALS } from './sick-peripherals.ts';

const CASES: readonly Node[] = [
  ...SICK_PERIPHERALS,
  ...NODES.nodes.filter(({ bus }) => bus === 'rs485'),
  node('42', { security: 'required', tamper: null, powerFault: null }),
  node('43', { problem: 'address_clash' }),
  node('44', { lossesLastHour: 3 }),
];

test.each(CASES.map((each) => [each.nodeId, each] as const))(
  '%s: ok in the table is ok to the doctor, and nothing else is',
  async (_id, one) => {
    const { text, colour } = stateOf(one, NOW_MS);
    const found = (await doctorOf([one, node('99', {})])).filter(({ status }) => status !== 'ok');
    expect(['ok', 'moved'].includes(text), `${text}: ${found.map(({ finding }) => finding).join()}`).toBe(found.length === 0);
    if (found.some(({ status }) => status === 'fail')) expect(colour).toBe('bad');
  },
);

test('a bus that is unavailable is not called scanned, nor being scanned', () => {
  const plain = (_colour: string, text: string) => text;
  const screens = (buses: BusStatus[], scanComplete: boolean) =>
    [
      nodesScreen({ ...NODES, buses, scanComplete }, NOW_MS, 100, plain),
      statusScreen({ ...HEALTHY, buses, nodes: { ...HEALTHY.nodes, scanComplete } }, 100, plain),
    ].map((lines) => lines.join('\n'));
  const [up] = HEALTHY.buses as [BusStatus];
  const down: BusStatus = { id: 'attic', protocol: 'osdp', state: 'unavailable' };
  for (const text of screens([up, down], false)) {
    expect(text).toContain('available, scan not complete: attic unavailable');
    expect(text).not.toContain('still scanning');
  }
  for (const text of screens([up], false)) expect(text).toContain('available, still scanning');
  for (const text of screens([up, down], true)) expect(text).not.toMatch(/still scanning|not complete/);
});
