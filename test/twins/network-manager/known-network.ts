import { Secret } from '../../../agent/system/secret.ts';
import type { ProfileSettings } from '../../../agent/wifi/networkmanager/network-manager.ts';

/** A network that the fake hub has a profile of from the start. */
export type KnownNetwork = Partial<ProfileSettings> & { password?: string };

/** Its profile, as an installer would have written it. */
export function knownSettings({ password, ...rest }: KnownNetwork, uuid: string, interfaceName: string): ProfileSettings {
  return {
    id: rest.id ?? `factory ${rest.ssid?.toString()}`,
    uuid,
    interfaceName,
    ssid: Buffer.from('home'),
    hidden: false,
    security: password === undefined ? 'open' : 'wpa-psk',
    secret: password === undefined ? null : new Secret(password),
    autoconnect: true,
    autoconnectPriority: 0,
    ...rest,
  };
}
