import type { Node, NodesResult } from '../../../agent/contract/node.ts';
import { busCheck } from '../../../agent/hubctl/doctor/bus-checks.ts';
import type { CheckResult, DoctorContext } from '../../../agent/hubctl/doctor/check.ts';
import { HEALTHY, node } from './fixtures.ts';

const UNKNOWN = { vendor: null, model: null, serialNumber: null, firmwareVersion: null } as const;
const insecure = { security: 'none', tamper: null, powerFault: null } as const;

/** One bus with what goes wrong on a site: each node is sick in its own way. */
export const SICK_PERIPHERALS: readonly Node[] = [
  node('0', { ...UNKNOWN, available: false, firstSeen: null, lastSeen: null, security: null, problem: 'garbled' }),
  node('1', { ...insecure, securityReason: 'wrong_key' }),
  node('2', { ...insecure, securityReason: 'key_type' }),
  node('3', { ...insecure, securityReason: 'refused' }),
  node('4', { ...insecure, securityReason: 'no_key' }),
  node('5', { tamper: true }),
  node('6', { powerFault: true }),
  node('7', { replaced: { vendor: '5eca00', model: '1', serialNumber: '77' } }),
  node('8', { security: 'default_key' }),
  node('9', { ...UNKNOWN, security: 'none' }),
];

/** What the check of the buses finds when the agent knows these nodes of its bus `rs485`. */
export async function doctorOf(nodes: readonly Node[]): Promise<CheckResult[]> {
  const result: NodesResult = {
    nodes: [...nodes],
    total: nodes.length,
    available: nodes.filter(({ available }) => available).length,
    scanComplete: true,
    buses: HEALTHY.buses,
  };
  const context = {
    settings: { buses: [{ id: 'rs485', path: '/dev/ttyUSB0', baudRate: '9600', keysPath: null }] },
    agent: async () => ({ status: HEALTHY, problem: null }),
    ports: { client: { get: async () => result } },
  } as unknown as DoctorContext;
  const { name, why } = busCheck;
  return [await busCheck.run(context)].flat().map((finding) => ({ check: name, why, ...finding }));
}
