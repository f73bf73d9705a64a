import type { Guest } from './guest.ts';

/** The hub's second interface; NetworkManager prefers Ethernet to Wi-Fi (its route metrics, 100 and 600). */
const INTERFACE = 'lan0';
const CABLE_TIMEOUT_MS = 60_000;

/** Plugs a cable in: an Ethernet uplink beside the Wi-Fi, with its own way to the host. */
export async function plugEthernet(guest: Guest): Promise<void> {
  const script = [
    'set -e',
    'modprobe veth',
    `ip link add ${INTERFACE} type veth peer name lan-peer netns ap`,
    'ip netns exec ap ip address add 10.1.9.1/24 dev lan-peer',
    'ip netns exec ap ip link set lan-peer up',
    `nmcli device set ${INTERFACE} managed yes`,
    `nmcli connection add save no type ethernet con-name lan ifname ${INTERFACE} ipv4.method manual ipv4.addresses 10.1.9.2/24 ipv4.gateway 10.1.9.1 ipv6.method ignore`,
    'nmcli connection up lan',
    `ip route get 10.0.2.2 | grep -q 'dev ${INTERFACE}'`,
  ].join('\n');
  await guest.must(script, { timeoutMs: CABLE_TIMEOUT_MS });
}

/** Pulls the cable. */
export async function pullEthernet(guest: Guest): Promise<void> {
  await guest.run(`nmcli connection delete lan; ip link delete ${INTERFACE}`, { timeoutMs: CABLE_TIMEOUT_MS });
}
