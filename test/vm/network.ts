import type { AccessPoint } from './air.ts';
import type { Guest } from './guest.ts';
import { quoted } from './guest.ts';

/** The hub's Wi-Fi interface: not the first one, so that nobody takes the name for granted. */
export const WIFI_INTERFACE = 'wlan1';

/** How long NetworkManager may take to see or join what is there. */
const JOIN_TIMEOUT_MS = 90_000;

/** The SSID the hub is associated with, asked of the kernel. */
export async function currentSsid(guest: Guest): Promise<string | null> {
  const text = await guest.must(`iw dev ${WIFI_INTERFACE} link`);
  return /^\s*SSID: (.*)$/m.exec(text)?.[1] ?? null;
}

/** Writes a profile as an installer would have; it is connected to by itself when its network is in reach. The password goes through stdin. */
export async function writeProfile(guest: Guest, name: string, accessPoint: AccessPoint, passphrase?: string): Promise<void> {
  const { security } = accessPoint;
  const lines = ['[connection]', `id=${name}`, 'type=wifi', `interface-name=${WIFI_INTERFACE}`, ''];
  lines.push('[wifi]', 'mode=infrastructure', `ssid=${accessPoint.ssid}`, `hidden=${accessPoint.hidden ?? false}`, '');
  if (security.kind !== 'open') {
    const management = security.kind === 'sae' ? 'sae' : 'wpa-psk';
    lines.push('[wifi-security]', `key-mgmt=${management}`, `psk=${passphrase ?? security.passphrase}`, '');
  }
  lines.push('[ipv4]', 'method=auto', 'dhcp-timeout=20', '', '[ipv6]', 'method=ignore', '');
  const path = `/etc/NetworkManager/system-connections/${name}.nmconnection`;
  const script = `umask 077; cat > ${quoted(path)} && sync ${quoted(path)} && nmcli connection reload`;
  await guest.must(script, { input: lines.join('\n') });
}

/** Deletes every Wi-Fi profile but those named. */
export async function deleteOtherProfiles(guest: Guest, ...kept: string[]): Promise<void> {
  const script = [
    'nmcli -g UUID,TYPE,NAME connection show | while IFS=: read -r uuid type name; do',
    '  [ "$type" = 802-11-wireless ] || continue',
    `  case $name in ${[...kept.map(quoted), "''"].join('|')}) continue ;; esac`,
    '  nmcli connection delete uuid "$uuid" > /dev/null',
    'done; sync',
  ].join('\n');
  await guest.must(script);
}

/** Waits until the hub is on a network and has an address. @throws Error after the time. */
export async function waitForNetwork(guest: Guest, ssid: string, timeoutMs = JOIN_TIMEOUT_MS): Promise<void> {
  const rounds = Math.round(timeoutMs / 500);
  const script = [
    `wanted=${quoted(ssid)}; round=0`,
    'joined() {',
    `  case $(nmcli -g GENERAL.STATE device show ${WIFI_INTERFACE} 2> /dev/null) in 100*) ;; *) return 1 ;; esac`,
    `  [ "$(iw dev ${WIFI_INTERFACE} link | sed -n 's/^[[:space:]]*SSID: //p')" = "$wanted" ]`,
    '}',
    `until joined; do round=$((round + 1)); [ "$round" -lt ${rounds} ] || exit 1; sleep 0.5; done`,
  ].join('\n');
  const { exitCode } = await guest.run(script, { timeoutMs });
  if (exitCode !== 0) throw new Error(`The hub did not join ${ssid} within ${timeoutMs} ms`);
}

/** Asks for scans until the network shows. @throws Error after the time. */
export async function waitForScan(guest: Guest, ssid: string, timeoutMs = JOIN_TIMEOUT_MS): Promise<void> {
  const script = `until nmcli -g SSID device wifi list --rescan yes | grep -qxF -- ${quoted(ssid)}; do sleep 0.2; done`;
  const { exitCode } = await guest.run(script, { timeoutMs });
  if (exitCode !== 0) throw new Error(`${ssid} did not show in a scan within ${timeoutMs} ms`);
}

/** Waits until no scan is under way: one that is holds the next connection up until it ends. @throws Error after the time. */
export async function waitForQuietAir(guest: Guest, timeoutMs = JOIN_TIMEOUT_MS): Promise<void> {
  const supplicant = 'fi.w1.wpa_supplicant1';
  const script = [
    `path=$(busctl call ${supplicant} /fi/w1/wpa_supplicant1 ${supplicant} GetInterface s ${WIFI_INTERFACE} | sed 's/^o "\\(.*\\)"$/\\1/')`,
    `quiet() { [ "$(busctl get-property ${supplicant} "$path" ${supplicant}.Interface Scanning)" = 'b false' ]; }`,
    'until quiet; do sleep 0.2; done',
  ].join('\n');
  const { exitCode, stderr } = await guest.run(script, { timeoutMs });
  if (exitCode !== 0) throw new Error(`The air was not quiet within ${timeoutMs} ms ${stderr}`);
}

/** Whether a TCP connection to a port of the host comes about: the way to the cloud. */
export async function reachesHost(guest: Guest, port: number): Promise<boolean> {
  const script = `/opt/node/bin/node -e 'require("net").connect(${port}, "10.0.2.2").on("data", () => process.exit(0)).on("error", () => process.exit(1)); setTimeout(() => process.exit(1), 8000)'`;
  return (await guest.run(script)).exitCode === 0;
}
