import { Variant } from './message-bus.ts';
import type { ProfileSettings } from './network-manager.ts';

/** `a{sa{sv}}` of a profile. */
export type SettingsBody = Record<string, Record<string, Variant>>;

/** A routing table of the proof's own, away from main (254) and from what other software likes to use. */
const PROOF_TABLE = 25_401;
/** Before the main table's rule (32766). */
const PROOF_RULE_PRIORITY = 25_401;
/** FR_ACT_TO_TBL and AF_INET of the kernel's rule messages. */
const RULE_TO_TABLE = 1;
const AF_INET = 2;
const WHOLE_ADDRESS = 32;

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
    ipv4: { method: new Variant('s', 'auto'), ...sourceRoute(profile) },
    ipv6: { method: new Variant('s', 'ignore') },
  };
  if (profile.hidden) body['802-11-wireless']!.hidden = new Variant('b', true);
  if (profile.security !== 'open' && profile.secret) {
    body['802-11-wireless-security'] = { 'key-mgmt': new Variant('s', profile.security), psk: new Variant('s', profile.secret.reveal()) };
  }
  return body;
}

/** A default route in a table of its own, and the rule that sends there what comes from the Wi-Fi address. */
function sourceRoute({ sourceRoute: route }: ProfileSettings): Record<string, Variant> {
  if (!route) return {};
  const defaultRoute = {
    dest: new Variant('s', '0.0.0.0'),
    prefix: new Variant('u', 0),
    'next-hop': new Variant('s', route.gateway),
    table: new Variant('u', PROOF_TABLE),
  };
  const rule = {
    family: new Variant('i', AF_INET),
    priority: new Variant('u', PROOF_RULE_PRIORITY),
    action: new Variant('y', RULE_TO_TABLE),
    from: new Variant('s', route.address),
    'from-len': new Variant('y', WHOLE_ADDRESS),
    table: new Variant('u', PROOF_TABLE),
  };
  return { 'route-data': new Variant('aa{sv}', [defaultRoute]), 'routing-rules': new Variant('aa{sv}', [rule]) };
}
