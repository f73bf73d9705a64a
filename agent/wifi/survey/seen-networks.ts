import type { NodeWifiNetwork } from 'node-wifi';
import type { KeyManagement, SeenNetwork } from '../change/plan.ts';
import type { AccessPoint } from '../networkmanager/network-manager.ts';

/** NM80211ApFlags and NM80211ApSecurityFlags. */
const AP_PRIVACY = 0x1;
const KEY_MGMT_PSK = 0x100;
const KEY_MGMT_SAE = 0x400;
/** An open access point that also has an OWE twin advertises it so; it can be joined as an open one. */
const KEY_MGMT_OWE_TRANSITION = 0x1000;

/** dBm from NetworkManager's percentage, by the rule it makes the percentage with (−100 dBm is 0 %, −50 dBm is 100 %). */
export function dbmOfPercent(percent: number): number {
  return Math.round(percent / 2 - 100);
}

/** dBm of a row of node-wifi, or null when nmcli gave none. */
export function dbmOfRow({ signal_level: level }: NodeWifiNetwork): number | null {
  return Number.isFinite(level) ? Math.round(level) : null;
}

/** What an access point of NetworkManager's list offers. */
function keyManagementOf({ flags, wpaFlags, rsnFlags }: AccessPoint): Set<KeyManagement> {
  const found = new Set<KeyManagement>();
  const both = wpaFlags | rsnFlags;
  if (both & KEY_MGMT_PSK) found.add('psk');
  if (both & KEY_MGMT_SAE) found.add('sae');
  if (found.size === 0) found.add((both & ~KEY_MGMT_OWE_TRANSITION) === 0 && !(flags & AP_PRIVACY) ? 'open' : 'other');
  return found;
}

/** What a row of node-wifi's scan offers. */
export function keyManagementOfRow({ security, security_flags: { wpa, rsn } }: NodeWifiNetwork): Set<KeyManagement> {
  const words = `${wpa ?? ''} ${rsn ?? ''}`.split(' ').filter((word) => word && word !== '(none)');
  const found = new Set<KeyManagement>();
  if (words.includes('psk')) found.add('psk');
  if (words.includes('sae')) found.add('sae');
  const named = security !== '' && security !== '--' && security !== 'none';
  if (found.size === 0) found.add(words.every((word) => word === 'owe_tm') && !named ? 'open' : 'other');
  return found;
}

/** One network of all access points of a name; null without one. */
export function mergeAccessPoints(
  ssid: string,
  points: Iterable<{ offers: Iterable<KeyManagement>; signalDbm: number | null }>,
): SeenNetwork | null {
  const keyManagement = new Set<KeyManagement>();
  let signalDbm: number | null = null;
  for (const point of points) {
    for (const offer of point.offers) keyManagement.add(offer);
    if (point.signalDbm !== null) signalDbm = Math.max(point.signalDbm, signalDbm ?? point.signalDbm);
  }
  return keyManagement.size === 0 ? null : { ssid, keyManagement, signalDbm };
}

/** The access points with exactly these bytes as their name. */
export function namedAccessPoints(points: readonly AccessPoint[], ssid: Buffer) {
  return points
    .filter((point) => point.ssid.equals(ssid))
    .map((point) => ({ offers: keyManagementOf(point), signalDbm: dbmOfPercent(point.strengthPercent) }));
}
