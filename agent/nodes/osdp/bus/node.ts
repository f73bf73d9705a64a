import type { Node } from '../../../contract/node.ts';
import { isoTime, unknownNode } from '../../model.ts';
import { capabilityNames } from '../codec/capabilities.ts';
import type { PdState } from '../session/pd.ts';
import type { Observed } from './observations.ts';
import { osdpFacts } from './osdp-facts.ts';

/** A PD as the contract shows it. Tamper, power fault, inputs and outputs of a PD gone silent are those of `lastSeen`. */
export function nodeOfPd(bus: string, pd: PdState, observed: Observed): Node {
  const { identity, capabilities, available, security, securityReason, tamper, powerFault, problem } = pd.facts;
  const { seen, linkQuality } = observed;
  return {
    ...unknownNode(bus, 'osdp', String(pd.address)),
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
    linkQuality,
    ...osdpFacts(pd, observed),
  };
}
