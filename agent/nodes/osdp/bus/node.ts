import type { Node } from '../../../contract/node.ts';
import { isoTime, unknownNode } from '../../model.ts';
import { capabilityNames } from '../codec/capabilities.ts';
import type { PdFacts } from '../session/pd.ts';

/** When a PD answered, as wall-clock milliseconds. */
export interface Sightings {
  firstMs: number;
  lastMs: number;
}

/** A PD as the contract shows it; `seen` null: it never answered. Tamper and power fault of a PD gone silent are those of `lastSeen`. */
export function nodeOfPd(bus: string, address: number, facts: PdFacts, seen: Sightings | null): Node {
  const { identity, capabilities, available, security, securityReason, tamper, powerFault, problem } = facts;
  return {
    ...unknownNode(bus, 'osdp', String(address)),
    available,
    firstSeen: seen && isoTime(seen.firstMs),
    lastSeen: seen && isoTime(seen.lastMs),
    vendor: identity?.vendor ?? null,
    model: identity ? String(identity.model) : null,
    serialNumber: identity ? String(identity.serialNumber) : null,
    firmwareVersion: identity?.firmware ?? null,
    capabilities: capabilities ? capabilityNames(capabilities) : [],
    security,
    securityReason,
    tamper,
    powerFault,
    problem,
  };
}
