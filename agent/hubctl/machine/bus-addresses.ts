import { agentSchema } from '../../config/agent-schema.ts';
import { readLeniently } from '../../config/lenient.ts';
import { expandAddresses } from '../../config/rules.ts';
import type { Places } from '../cli/locate.ts';

/** The addresses that an OSDP bus asks by the configuration; null: it is no OSDP bus, or the configuration does not tell. */
export function configuredAddresses({ config }: Pick<Places, 'config'>, busId: string): { entries: string; addresses: number[] } | null {
  const { buses = [] } = readLeniently(agentSchema, config);
  const bus = buses.find((each) => each?.id === busId);
  if (bus === undefined || bus.protocol === 'zigbee' || !('addresses' in bus)) return null;
  const entries = (bus.addresses ?? []).filter((entry) => entry !== undefined);
  return entries.length === 0 ? null : { entries: entries.join(', '), addresses: expandAddresses(entries).map(({ address }) => address) };
}
