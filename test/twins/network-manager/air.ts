import type { AccessPoint, ProfileSettings } from '../../../agent/wifi/networkmanager/network-manager.ts';

/** An access point as the fake hub hears it. */
export interface FakeAccessPoint {
  ssid: string;
  /** The name on the air where it is no text. Default: `ssid` in UTF-8. */
  bytes?: Buffer;
  security: 'open' | 'wpa-psk' | 'sae' | 'mixed' | 'enterprise' | 'wep';
  password?: string;
  /** It gives addresses of IPv4. Default: true. */
  dhcp?: boolean;
  /** It gives addresses of IPv6. Default: false. */
  ipv6?: boolean;
  /** There is a way to the cloud. Default: true. */
  cloud?: boolean;
  hidden?: boolean;
  strengthPercent?: number;
  /** It is on the air. Default: true. */
  on?: boolean;
}

/** How joining goes, as measured with NetworkManager 1.42. `reason` null: it works. */
export interface JoinFate {
  afterMs: number;
  reason: number | null;
}

const GOOD: JoinFate = { afterMs: 3000, reason: null };
const WRONG_PSK: JoinFate = { afterMs: 10_000, reason: 7 };
const WRONG_SAE: JoinFate = { afterMs: 26_000, reason: 53 };
const NOT_FOUND: JoinFate = { afterMs: 27_000, reason: 53 };
const NO_ADDRESS: JoinFate = { afterMs: 45_000, reason: 5 };

const FLAGS: Record<FakeAccessPoint['security'], Pick<AccessPoint, 'flags' | 'wpaFlags' | 'rsnFlags'>> = {
  open: { flags: 0, wpaFlags: 0, rsnFlags: 0 },
  'wpa-psk': { flags: 1, wpaFlags: 0, rsnFlags: 0x188 },
  sae: { flags: 1, wpaFlags: 0, rsnFlags: 0x488 },
  mixed: { flags: 1, wpaFlags: 0, rsnFlags: 0x588 },
  enterprise: { flags: 1, wpaFlags: 0, rsnFlags: 0x288 },
  wep: { flags: 1, wpaFlags: 0, rsnFlags: 0 },
};

const nameOf = (point: FakeAccessPoint) => point.bytes ?? Buffer.from(point.ssid);

/** The list entry of an access point. */
export function listed(point: FakeAccessPoint): AccessPoint {
  return { ssid: nameOf(point), strengthPercent: point.strengthPercent ?? 80, ...FLAGS[point.security] };
}

/** What becomes of joining with this profile. */
export function fateOf(profile: ProfileSettings, air: readonly FakeAccessPoint[]): { fate: JoinFate; point: FakeAccessPoint | null } {
  const named = air.filter((point) => (point.on ?? true) && nameOf(point).equals(profile.ssid) && (!point.hidden || profile.hidden));
  const point = named.find((each) => allows(each, profile)) ?? null;
  if (!point) return { fate: NOT_FOUND, point: null };
  if (point.security !== 'open' && profile.secret?.reveal() !== point.password) {
    const usesSae = point.security === 'sae' || profile.security === 'sae' || point.security === 'mixed';
    return { fate: usesSae ? WRONG_SAE : WRONG_PSK, point: null };
  }
  return point.dhcp === false && !point.ipv6 ? { fate: NO_ADDRESS, point: null } : { fate: GOOD, point };
}

function allows(point: FakeAccessPoint, { security }: ProfileSettings): boolean {
  switch (point.security) {
    case 'open':
      return security === 'open';
    case 'wpa-psk':
      return security === 'wpa-psk';
    case 'sae':
    case 'mixed':
      return security === 'sae' || security === 'wpa-psk';
    default:
      return false;
  }
}
