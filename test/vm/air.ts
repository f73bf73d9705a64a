import type { Guest } from './guest.ts';

export type RadioSecurity = { kind: 'open' } | { kind: 'wpa2' | 'sae' | 'wpa2+sae'; passphrase: string };

/** One simulated access point. */
export interface AccessPoint {
  /** For the harness: `[a-z0-9-]`, at most 15 characters. */
  name: string;
  /** Which of the three radios carries it; one access point a radio. */
  radio: 0 | 1 | 2;
  ssid: string;
  security: RadioSecurity;
  /** Does not tell its name. Default false. */
  hidden?: boolean;
  /** Gives addresses. Default true. */
  dhcp?: boolean;
  /** The version of its addresses. Of IPv6 it announces its prefix, and has a relay to the cloud instead of a route. Default 4. */
  ip?: 4 | 6;
  /** Forwards to the host (and so to the cloud). Default true. */
  cloud?: boolean;
}

/** The simulated air around the hub. Access points have power of their own: a power cut of the hub leaves them as they were. */
export interface Air {
  /** Switches an access point on, anew when it is on already. */
  start(accessPoint: AccessPoint): Promise<void>;
  /** Switches it off. Nothing happens when it is off. */
  stop(name: string): Promise<void>;
  /** Moves one that is on to the edge of reception: little signal, and a third of its packets to the hub are lost; or back. */
  weaken(name: string, weak: boolean): Promise<void>;
  /** Switches all off. */
  clear(): Promise<void>;
}

/** On a host with a load of 20, a start took over a minute (measured). */
const START_TIMEOUT_MS = 180_000;

const RADIOS = [
  { interface: 'wlan0', channel: 1, subnet: '10.1.0', prefix: 'fd00:10:0' },
  { interface: 'wlan2', channel: 6, subnet: '10.1.2', prefix: 'fd00:10:2' },
  { interface: 'wlan3', channel: 11, subnet: '10.1.3', prefix: 'fd00:10:3' },
] as const;

/** The access point's own address on a network with IPv6. */
export function routerAddress({ radio }: AccessPoint): string {
  return `${RADIOS[radio].prefix}::1`;
}

function hostapdConfig(accessPoint: AccessPoint): string {
  const radio = RADIOS[accessPoint.radio];
  const { security } = accessPoint;
  const lines = [
    `interface=${radio.interface}`,
    'driver=nl80211',
    `ssid2=${Buffer.from(accessPoint.ssid).toString('hex')}`,
    'hw_mode=g',
    `channel=${radio.channel}`,
    `ignore_broadcast_ssid=${accessPoint.hidden ? 1 : 0}`,
  ];
  if (security.kind !== 'open') {
    const suites = { wpa2: 'WPA-PSK', sae: 'SAE', 'wpa2+sae': 'WPA-PSK SAE' }[security.kind];
    lines.push('wpa=2', 'rsn_pairwise=CCMP', `wpa_key_mgmt=${suites}`, `ieee80211w=${{ wpa2: 0, sae: 2, 'wpa2+sae': 1 }[security.kind]}`);
    if (security.kind !== 'wpa2') lines.push(`sae_password=${security.passphrase}`);
    if (security.kind !== 'sae')
      lines.push(`${/^[0-9a-fA-F]{64}$/.test(security.passphrase) ? 'wpa_psk' : 'wpa_passphrase'}=${security.passphrase}`);
  }
  return `${lines.join('\n')}\n`;
}

function dnsmasqConfig(accessPoint: AccessPoint): string {
  const { interface: name, subnet, prefix } = RADIOS[accessPoint.radio];
  const common = ['port=0', `interface=${name}`, 'bind-interfaces', 'leasefile-ro', 'no-ping'];
  if (accessPoint.ip === 6) return [...common, 'enable-ra', `dhcp-range=${prefix}::,ra-only`, ''].join('\n');
  return [
    ...common,
    `dhcp-range=${subnet}.100,${subnet}.199,255.255.255.0,1h`,
    `dhcp-option=option:router,${subnet}.1`,
    'dhcp-option=option:dns-server,10.0.2.3',
    '',
  ].join('\n');
}

/** The air of one guest; the guest's own part is image/root/usr/lib/virtual-hub/air. */
export function createAir(guest: Guest): Air {
  return {
    async start(accessPoint) {
      if (!/^[a-z0-9-]{1,15}$/.test(accessPoint.name)) throw new Error(`Not a name for an access point: ${accessPoint.name}`);
      const radio = RADIOS[accessPoint.radio];
      const files: Record<string, string> = {
        interface: radio.interface,
        address: accessPoint.ip === 6 ? `${routerAddress(accessPoint)}/64` : `${radio.subnet}.1/24`,
        'hostapd.conf': hostapdConfig(accessPoint),
      };
      if (accessPoint.dhcp ?? true) files['dnsmasq.conf'] = dnsmasqConfig(accessPoint);
      if (!(accessPoint.cloud ?? true)) files['no-cloud'] = '';
      const folder = `/var/lib/air/${accessPoint.name}`;
      const air = '/usr/lib/virtual-hub/air';
      const script = ['set -e; umask 077', `[ ! -d ${folder} ] || ${air} stop ${accessPoint.name}`, `rm -rf ${folder}; mkdir -p ${folder}`];
      for (const [name, text] of Object.entries(files)) {
        script.push(`printf %s '${Buffer.from(text).toString('base64')}' | base64 -d > ${folder}/${name}`);
      }
      // Written out, for they must outlive the hub's power.
      script.push(`${air} start ${accessPoint.name}; sync`);
      await guest.must(script.join('\n'), { timeoutMs: START_TIMEOUT_MS });
    },
    async stop(name) {
      await guest.must(`[ ! -d /var/lib/air/${name} ] || { /usr/lib/virtual-hub/air stop ${name}; sync; }`);
    },
    async weaken(name, weak) {
      await guest.must(`/usr/lib/virtual-hub/air ${weak ? 'weaken' : 'strengthen'} ${name}; sync`);
    },
    async clear() {
      const script = 'for dir in /var/lib/air/*/; do [ ! -e "$dir/on" ] || /usr/lib/virtual-hub/air stop "$(basename "$dir")"; done; sync';
      await guest.must(script);
    },
  };
}
