import { type HostTree, type KernelCalls, numberIn, orNull } from './host-read.ts';

/** A network interface of the hub. */
export interface NetworkInterface {
  name: string;
  /** Six pairs of hex digits; null for interfaces without a hardware address. */
  mac: string | null;
  /** The kernel's operstate (RFC 2863): `up`, `down`, `dormant`, `lowerlayerdown`, `unknown`, … */
  state: string | null;
  /** It is a Wi-Fi radio. */
  wireless: boolean;
  /** With prefix length (`192.0.2.7/24`): IPv4, then global IPv6, then link-local. Null when unknown. */
  addresses: string[] | null;
}

/** ARPHRD_LOOPBACK of Linux. */
const LOOPBACK = 772;
const NO_MAC = /^(?:00:){5}00$/;
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

function rank(address: string): number {
  if (!address.includes(':')) return 0;
  return /^fe[89ab]/i.test(address) ? 2 : 1;
}

function addressesOf(name: string, all: ReturnType<KernelCalls['networkInterfaces']> | null): string[] | null {
  if (!all) return null;
  const found = (all[name] ?? []).map(({ cidr, address }) => cidr ?? address);
  return found.sort((a, b) => rank(a) - rank(b));
}

/** The interfaces below /sys/class/net without loopback; those with hardware first, then those that are up, then by name. */
export async function readInterfaces(tree: HostTree, kernel: KernelCalls): Promise<NetworkInterface[] | null> {
  const names = await tree.names('sys/class/net');
  if (!names) return null;
  const addresses = orNull(() => kernel.networkInterfaces());
  const found = await Promise.all(names.map((name) => readInterface(tree, name)));
  return found
    .filter((each) => each !== null)
    .sort((a, b) => a.order - b.order)
    .map(({ entry }) => ({ ...entry, addresses: addressesOf(entry.name, addresses) }));
}

/** Without its addresses; null for loopback, and for what is no interface. `order`: hardware first, then what is up. */
async function readInterface(tree: HostTree, name: string): Promise<{ order: number; entry: Omit<NetworkInterface, 'addresses'> } | null> {
  const folder = `sys/class/net/${name}`;
  const [[type, mac, state], [phy, wireless, hardware]] = await Promise.all([
    Promise.all(['type', 'address', 'operstate'].map((file) => tree.text(`${folder}/${file}`))),
    Promise.all(['phy80211', 'wireless', 'device'].map((file) => tree.exists(`${folder}/${file}`))),
  ]);
  if (state == null && mac == null) return null;
  if (numberIn(type) === LOOPBACK) return null;
  const entry = {
    name,
    mac: mac && MAC.test(mac) && !NO_MAC.test(mac) ? mac : null,
    state: state ?? null,
    wireless: phy === true || wireless === true,
  };
  return { order: (hardware ? 0 : 2) + (state === 'up' ? 0 : 1), entry };
}
