import { Variant } from '@jellybrick/dbus-next';
import { Secret } from '../../../agent/system/secret.ts';
import type { ProfileSettings } from '../../../agent/wifi/networkmanager/network-manager.ts';
import { refusal } from './refusal.ts';

/** `a{sa{sv}}` of a profile. */
export type Settings = Record<string, Record<string, Variant>>;

const WIFI = '802-11-wireless';
const SECURITY = '802-11-wireless-security';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** IEEE 802.11-2020, 9.4.2.2. */
const MAX_SSID_BYTES = 32;
/** IEEE 802.11-2020, J.4: a passphrase, or the key itself in hex. */
const PSK = /^([\x20-\x7e]{8,63}|[0-9a-fA-F]{64})$/;

/** Each property that the twin knows, with the only signature that NetworkManager takes for it. */
const PROPERTIES: Record<string, Record<string, string>> = {
  connection: { id: 's', uuid: 's', type: 's', 'interface-name': 's', autoconnect: 'b', 'autoconnect-priority': 'i' },
  [WIFI]: { ssid: 'ay', mode: 's', hidden: 'b' },
  [SECURITY]: { 'key-mgmt': 's', psk: 's' },
  ipv4: { method: 's', 'may-fail': 'b', 'dhcp-timeout': 'i', 'route-data': 'aa{sv}', 'routing-rules': 'aa{sv}' },
  ipv6: { method: 's', 'may-fail': 'b', 'addr-gen-mode': 'i', 'route-data': 'aa{sv}', 'routing-rules': 'aa{sv}' },
};
const REQUIRED = [
  ['connection', 'id'],
  ['connection', 'uuid'],
  ['connection', 'type'],
  [WIFI, 'ssid'],
] as const;
const IP_METHODS = ['auto', 'ignore', 'disabled', 'link-local', 'manual', 'shared', 'dhcp'];

const settingsRefusal = (kind: string, message: string) => refusal(`Settings.Connection.${kind}`, message);

/** Reads a profile as strictly as NetworkManager 1.42 validates it. @throws Refusal before anything is changed */
export function readSettings(body: Settings): ProfileSettings {
  for (const [setting, properties] of Object.entries(body)) {
    const known = PROPERTIES[setting];
    if (!known) throw settingsRefusal('InvalidSetting', `the twin knows no setting ${setting}`);
    for (const [name, { signature }] of Object.entries(properties)) {
      if (known[name] !== signature) throw settingsRefusal('InvalidProperty', `${setting}.${name}: ${signature}`);
    }
  }
  for (const [setting, name] of REQUIRED) {
    if (!body[setting]) throw settingsRefusal('MissingSetting', setting);
    if (!body[setting][name]) throw settingsRefusal('MissingProperty', `${setting}.${name}`);
  }
  const value = <T>(setting: string, name: string, usual: T): T => (body[setting]?.[name]?.value as T | undefined) ?? usual;
  const invalid = (what: string, bad: boolean) => {
    if (bad) throw settingsRefusal('InvalidProperty', what);
  };
  const ssid = Buffer.from(value(WIFI, 'ssid', Buffer.alloc(0)));
  const keyManagement = value<string | null>(SECURITY, 'key-mgmt', null);
  const psk = value<string | null>(SECURITY, 'psk', null);
  invalid('connection.id', value('connection', 'id', '') === '');
  invalid('connection.uuid', !UUID.test(value('connection', 'uuid', '')));
  invalid('connection.type', value<string>('connection', 'type', '') !== WIFI);
  invalid(`${WIFI}.ssid`, ssid.length < 1 || ssid.length > MAX_SSID_BYTES);
  invalid(`${WIFI}.mode`, value<string>(WIFI, 'mode', 'infrastructure') !== 'infrastructure');
  for (const ip of ['ipv4', 'ipv6']) invalid(`${ip}.method`, !IP_METHODS.includes(value(ip, 'method', 'auto')));
  if (body[SECURITY] && keyManagement === null) throw settingsRefusal('MissingProperty', `${SECURITY}.key-mgmt`);
  invalid(`${SECURITY}.key-mgmt`, keyManagement !== null && keyManagement !== 'wpa-psk' && keyManagement !== 'sae');
  invalid(`${SECURITY}.psk`, psk !== null && (keyManagement === 'sae' ? psk === '' : !PSK.test(psk)));
  return {
    id: value('connection', 'id', ''),
    uuid: value('connection', 'uuid', ''),
    interfaceName: value('connection', 'interface-name', ''),
    ssid,
    hidden: value(WIFI, 'hidden', false),
    security: (keyManagement ?? 'open') as ProfileSettings['security'],
    secret: psk === null ? null : new Secret(psk),
    autoconnect: value('connection', 'autoconnect', true),
    autoconnectPriority: value('connection', 'autoconnect-priority', 0),
  };
}

/** What GetSettings tells of a profile: no secrets, and nothing that has its default value. */
export function writtenSettings({ settings, lastUsed }: { settings: ProfileSettings; lastUsed: number }): Settings {
  const connection: Record<string, Variant> = {
    id: new Variant('s', settings.id),
    uuid: new Variant('s', settings.uuid),
    type: new Variant('s', WIFI),
    'interface-name': new Variant('s', settings.interfaceName),
  };
  if (!settings.autoconnect) connection.autoconnect = new Variant('b', false);
  if (settings.autoconnectPriority !== 0) connection['autoconnect-priority'] = new Variant('i', settings.autoconnectPriority);
  if (lastUsed > 0) connection.timestamp = new Variant('t', BigInt(Math.floor(lastUsed / 1000)));
  const wireless: Record<string, Variant> = { ssid: new Variant('ay', settings.ssid), mode: new Variant('s', 'infrastructure') };
  if (settings.hidden) wireless.hidden = new Variant('b', true);
  const body: Settings = { connection, [WIFI]: wireless };
  if (settings.security !== 'open') body[SECURITY] = { 'key-mgmt': new Variant('s', settings.security) };
  return body;
}
