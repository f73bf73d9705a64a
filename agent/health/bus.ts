import type { BusFailure, BusStatus, Node } from '../contract/node.ts';
import { capitalized, type Entries, finder, type HealthFinding, lookUp } from './finding.ts';
import { DOCTOR, LOGS, NODES, RESTART } from './remedies.ts';

const SERIAL = 'sudo hubctl doctor --check serial';
const FAILURES: Readonly<Record<BusFailure, string>> = {
  missing: 'ls -l /dev/serial/by-id/; sudo dmesg | grep tty',
  locked: SERIAL,
  permission: SERIAL,
  unit: SERIAL,
  lost: 'sudo dmesg | grep tty; ls -l /dev/serial/by-id/',
  stalled: 'sudo dmesg | grep tty; sudo systemctl restart hub-agent',
  failed: LOGS,
  library: 'sudo apt install ./hub-agent-zigbee_VERSION_ARCH.deb; sudo systemctl restart hub-agent',
  silent: 'hubctl zigbee status; sudo dmesg | grep tty',
  reset: 'hubctl zigbee status',
  network: 'hubctl zigbee status',
  storage: 'sudo hubctl doctor --check files; sudo hubctl doctor --check disk',
};

/** A peripheral that is asked at another rate mostly stays silent, for it hears no frame. */
const AUTO_BAUD = 'set "baudRate": "auto" for this bus in /etc/hub-agent/agent.json';
/** Addresses that one line takes. */
const MAX_ADDRESSES = 8;

/** What can be wrong with a bus as a whole. The subject is the bus; null: all of them together. */
export interface BusParams {
  bus_unknown: { bus: string };
  bus_noise: { bus: string; baudRate: string };
  bus_no_answer: { bus: string; baudRate: string };
  bus_unavailable: { bus: string; message: string | null; reason: BusFailure | null };
  bus_no_node: object;
  /** `addresses`: of the silent ones, where they are known. */
  nodes_silent: { silent: number; total: number; bus: string | null; addresses?: readonly string[] };
  /** The key that every device has from its maker (SCBK-D) secures the links to these. */
  nodes_default_key: { bus: string; addresses: readonly string[] };
}

function named(addresses: readonly string[]): string {
  if (addresses.length === 0) return '';
  const more = addresses.length - MAX_ADDRESSES;
  return ` (${addresses.slice(0, MAX_ADDRESSES).join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
}

export const BUS: Entries<BusParams> = {
  bus_unknown: {
    severity: 'warn',
    text: ({ bus }) => `${bus}: the agent does not know it: it runs with an older configuration`,
    remedy: () => RESTART,
    next: DOCTOR,
  },
  bus_noise: {
    severity: 'fail',
    text: ({ bus, baudRate }) => `${bus}: bytes come back that are no frames: a wrong baud rate (now ${baudRate}), or A and B crossed`,
    remedy: () => `${capitalized(AUTO_BAUD)}; ${RESTART}`,
    next: DOCTOR,
  },
  bus_no_answer: {
    severity: 'fail',
    text: ({ bus, baudRate }) =>
      `${bus}: no peripheral answers: no power, cut or crossed wires, another baud rate (now ${baudRate}), or other addresses`,
    remedy: ({ bus, baudRate }) =>
      `Measure 12 V at the first reader and A-B at rest (over 200 mV); ${baudRate === 'auto' ? '' : `${AUTO_BAUD}; `}sudo hubctl nodes scan --bus ${bus}`,
    next: DOCTOR,
  },
  bus_unavailable: {
    severity: 'fail',
    text: ({ bus, message }) => `bus ${bus}: ${message ?? 'unavailable'}`,
    remedy: ({ reason }) => (reason === null ? SERIAL : lookUp(FAILURES, reason, SERIAL)),
    next: DOCTOR,
  },
  bus_no_node: { severity: 'fail', text: () => 'no node answers on any bus', remedy: () => 'sudo hubctl doctor --check bus', next: DOCTOR },
  nodes_silent: {
    severity: 'warn',
    text: ({ silent, total, bus, addresses = [] }) =>
      `${silent} of ${total} nodes${bus === null ? '' : ` of ${bus}`} ${silent === 1 ? 'is' : 'are'} silent${named(addresses)}`,
    remedy: () => 'Look at their power and their plugs; hubctl nodes',
    next: NODES,
  },
  nodes_default_key: {
    severity: 'warn',
    text: ({ bus, addresses }) =>
      `${addresses.length === 1 ? 'one node' : `${addresses.length} nodes`} of ${bus} ${addresses.length === 1 ? 'has' : 'have'} the default key${named(addresses)}: it is public, so the link is open to anyone on the cable`,
    // Without an address, the nodes that have a key of their own would get another one too.
    remedy: ({ bus, addresses }) =>
      addresses.length === 1
        ? `sudo hubctl bus rekey ${bus} ${addresses[0]} --default-key`
        : `Give each a key of its own: sudo hubctl bus rekey ${bus} ADDRESS --default-key`,
    next: NODES,
    advice: true,
  },
};

export type BusCode = keyof BusParams;
export const busProblem = finder(BUS);

/** Of a bus that cannot be used; null: it can, or is not up yet. */
export function busFinding({ id, state, error }: BusStatus): HealthFinding<BusCode> | null {
  if (state !== 'unavailable') return null;
  return busProblem('bus_unavailable', { bus: id, message: error?.message ?? null, reason: error?.reason ?? null }, id);
}

/** How many nodes of one bus are known, and how many of them answer. */
export interface BusNodes {
  bus: string;
  total: number;
  available: number;
  /** The addresses of those that have the default key. Absent from an older agent. */
  defaultKey?: readonly string[];
}

/** The addresses of the nodes whose links the default key secures; where a key of their own is wanted, that is another finding. */
export const onDefaultKey = (nodes: readonly Node[]): string[] =>
  nodes
    .filter(({ available, security, securityReason }) => available && security === 'default_key' && securityReason === null)
    .map(({ address }) => address);

/** What the nodes say of the buses. */
export interface BusFacts {
  buses: readonly BusStatus[];
  nodes: { total: number; available: number; scanComplete: boolean };
  /** The same for each bus, where it is known. */
  nodesByBus?: readonly BusNodes[];
}

/** That no node is there. */
export function emptyBusFindings({ buses, nodes }: BusFacts): HealthFinding<BusCode>[] {
  if (buses.length === 0 || !nodes.scanComplete || nodes.total > 0) return [];
  return [busProblem('bus_no_node', {}, buses.length === 1 ? buses[0]!.id : null)];
}

/** That nodes which were known do not answer: for each bus where that is known, else together. */
export function silentFindings({ buses, nodes, nodesByBus = [] }: BusFacts): HealthFinding<BusCode>[] {
  if (buses.length > 1 && nodesByBus.length > 0) {
    return nodesByBus
      .filter(({ total, available }) => total > available)
      .map(({ bus, total, available }) => busProblem('nodes_silent', { silent: total - available, total, bus }, bus));
  }
  const silent = nodes.total - nodes.available;
  if (silent <= 0) return [];
  return [busProblem('nodes_silent', { silent, total: nodes.total, bus: null }, buses.length === 1 ? buses[0]!.id : null)];
}

/** That links are secured with the public default key. */
export function defaultKeyFindings(nodesByBus: readonly Pick<BusNodes, 'bus' | 'defaultKey'>[]): HealthFinding<BusCode>[] {
  return nodesByBus.flatMap(({ bus, defaultKey: addresses = [] }) =>
    addresses.length === 0 ? [] : [busProblem('nodes_default_key', { bus, addresses }, bus)],
  );
}
