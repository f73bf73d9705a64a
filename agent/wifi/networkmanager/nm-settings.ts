import { isIP } from 'node:net';
import { Variant } from './message-bus.ts';
import type { ProfileSettings } from './network-manager.ts';

/** `a{sa{sv}}` of a profile. */
export type SettingsBody = Record<string, Record<string, Variant>>;

/** A routing table of the proof's own, away from main (254) and from what other software likes to use. */
const PROOF_TABLE = 25_401;
/** Before the main table's rule (32766). */
const PROOF_RULE_PRIORITY = 25_401;
/** FR_ACT_TO_TBL of the kernel's rule messages. */
const RULE_TO_TABLE = 1;
/** Of each IP version: AF_INET or AF_INET6, everything, and the bits of a whole address. */
const FAMILIES = { 4: { family: 2, everything: '0.0.0.0', bits: 32 }, 6: { family: 10, everything: '::', bits: 128 } } as const;

/** The profile as NetworkManager takes it. The only place where the password is revealed; keep the result nowhere. */
export function settingsBody(profile: ProfileSettings): SettingsBody {
  const body: SettingsBody = {
    connection: {
      id: new Variant('s', profile.id),
      uuid: new Variant('s', profile.uuid),
      type: new Variant('s', '802-11-wireless'),
      'interface-name': new Variant('s', profile.interfaceName),
      autoconnect: new Variant('b', profile.autoconnect),
      'autoconnect-priority': new Variant('i', profile.autoconnectPriority),
    },
    '802-11-wireless': { ssid: new Variant('ay', profile.ssid), mode: new Variant('s', 'infrastructure') },
    // One of the two suffices: a network may have either.
    ipv4: { method: new Variant('s', 'auto'), 'may-fail': new Variant('b', true), ...sourceRoute(profile, 4) },
    ipv6: { method: new Variant('s', 'auto'), 'may-fail': new Variant('b', true), ...sourceRoute(profile, 6) },
  };
  if (profile.hidden) body['802-11-wireless']!.hidden = new Variant('b', true);
  if (profile.security !== 'open' && profile.secret) {
    body['802-11-wireless-security'] = { 'key-mgmt': new Variant('s', profile.security), psk: new Variant('s', profile.secret.reveal()) };
  }
  return body;
}

/** A default route in a table of its own, and the rule that sends there what comes from the Wi-Fi address. */
function sourceRoute({ sourceRoutes = [] }: ProfileSettings, version: 4 | 6): Record<string, Variant> {
  const route = sourceRoutes.find(({ address }) => isIP(address) === version);
  if (!route) return {};
  const { family, everything, bits } = FAMILIES[version];
  const defaultRoute = {
    dest: new Variant('s', everything),
    prefix: new Variant('u', 0),
    'next-hop': new Variant('s', route.gateway),
    table: new Variant('u', PROOF_TABLE),
  };
  const rule = {
    family: new Variant('i', family),
    priority: new Variant('u', PROOF_RULE_PRIORITY),
    action: new Variant('y', RULE_TO_TABLE),
    from: new Variant('s', route.address),
    'from-len': new Variant('y', bits),
    table: new Variant('u', PROOF_TABLE),
  };
  return { 'route-data': new Variant('aa{sv}', [defaultRoute]), 'routing-rules': new Variant('aa{sv}', [rule]) };
}
