import type { Node, NodesResult } from '../../contract/node.ts';
import { onDefaultKey } from '../../health/bus.ts';
import { type NodeCode, nodeFindings } from '../../health/node.ts';
import type { StoredNode } from '../cli/stored.ts';
import type { Colour } from '../terminal/terminal.ts';

/** A node in one word. */
export interface NodeState {
  text: string;
  colour: Colour;
}

/** The word for each finding of the catalogue, the worst first: a node is `ok` only where hubctl doctor finds nothing. */
const WORDS: readonly (readonly [NodeCode, NodeState])[] = [
  ['node_garbled', { text: 'GARBLED', colour: 'bad' }],
  ['node_address_clash', { text: 'CLASH', colour: 'bad' }],
  ['node_security_lost', { text: 'UNSECURED', colour: 'bad' }],
  ['node_key_missing', { text: 'NO KEY', colour: 'bad' }],
  ['node_tamper', { text: 'TAMPER', colour: 'bad' }],
  ['node_replaced', { text: 'REPLACED', colour: 'bad' }],
  ['node_power_fault', { text: 'POWER', colour: 'warn' }],
  ['node_flaps', { text: 'FLAPS', colour: 'warn' }],
  ['node_unidentified', { text: 'NO ID', colour: 'warn' }],
];

/** That a device has another address now is worth knowing for a day. */
const MOVED_MS = 24 * 3_600_000;

const isFresh = ({ moved }: Node, nowMs: number) => moved != null && moved.at !== null && nowMs - Date.parse(moved.at) < MOVED_MS;

/** How a node is. */
export function stateOf(node: Node, nowMs: number): NodeState {
  const codes: NodeCode[] = [...nodeFindings([node]).map(({ code }) => code), ...(node.tamper ? ['node_tamper' as const] : [])];
  const [worst] = WORDS.filter(([code]) => codes.includes(code));
  if (!node.available) return worst?.[0] === 'node_garbled' ? worst[1] : { text: 'silent', colour: 'bad' };
  if (worst) return worst[1];
  if (onDefaultKey([node]).length > 0) return { text: 'DEFAULT KEY', colour: 'warn' };
  return isFresh(node, nowMs) ? { text: 'moved', colour: 'warn' } : { text: 'ok', colour: 'good' };
}

/** How a stored node was when it was written. */
export const lastStateOf = (node: StoredNode, nowMs: number): NodeState => stateOf({ ...node, available: node.lastAvailable }, nowMs);

/** What is said of a scan that is not complete: empty when it is. A bus that is unavailable is not being scanned. */
export function scanWords({ scanComplete, buses }: Pick<NodesResult, 'scanComplete' | 'buses'>): string {
  if (scanComplete) return '';
  const down = buses.filter(({ state }) => state === 'unavailable').map(({ id }) => id);
  return down.length === 0 ? ', still scanning' : `, scan not complete: ${down.join(', ')} unavailable`;
}
