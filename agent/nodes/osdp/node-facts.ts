import type { Node, OsdpFacts } from '../../contract/node.ts';
import type { Schema } from '../../system/schema.ts';
import { ISO_TIME } from '../model.ts';

const TIME: Schema = { type: ['string', 'null'], pattern: ISO_TIME };
const BYTES: Schema = { type: 'array', items: { type: 'integer', minimum: 0, maximum: 255 }, maxItems: 256 };

/** What is kept of `OsdpFacts` in `nodes.json`: how inputs and outputs were says nothing after a restart. */
export const OSDP_PROPERTIES: Readonly<Record<string, Schema>> = {
  hardwareVersion: { type: ['string', 'null'], maxLength: 16 },
  osdpVersion: { enum: ['iec_60839_11_5', 'sia_2.2', null] },
  capabilityLevels: BYTES,
  capabilityCounts: BYTES,
  lastCardAt: TIME,
};

/** What a peripheral reports now, joined with what is remembered of the same one; nothing for the nodes of other protocols. */
export function joinedFacts(live: Node, before: Node | undefined): Partial<OsdpFacts> {
  if (live.protocol !== 'osdp' || !before) return {};
  // They belong to the capabilities that are shown.
  const { capabilityLevels, capabilityCounts } = live.capabilities.length > 0 ? live : before;
  return {
    hardwareVersion: live.hardwareVersion ?? before.hardwareVersion ?? null,
    osdpVersion: live.osdpVersion ?? before.osdpVersion ?? null,
    ...(capabilityLevels && { capabilityLevels }),
    ...(capabilityCounts && { capabilityCounts }),
    lastCardAt: live.lastCardAt ?? before.lastCardAt ?? null,
  };
}
