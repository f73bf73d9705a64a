import type { WifiNotJoined, WifiObstacle, WifiProblem } from '../contract/wifi.ts';
import { type Entries, type Entry, finder, type HealthFinding } from './finding.ts';

/** The rule is in the package of the agent, which is in no archive of the system. */
const REINSTALL = 'sudo dpkg -i hub-agent_*.deb; sudo apt-get install polkitd';
const LOOK = 'systemctl status NetworkManager; nmcli device status';
const FIND_DEVICE = 'nmcli device; sudo dmesg | grep -i firmware';
const NEXT = 'hubctl wifi status';

type ObstacleParams = { [Reason in WifiObstacle as `wifi_${Reason}`]: WifiProblem };

/** Each obstacle is a code; the subject is the interface. */
export type WifiParams = ObstacleParams & {
  wifi_no_rule: object;
  wifi_not_joined: WifiNotJoined;
  wifi_disconnected_by_hand: WifiNotJoined;
};

const nameOf = ({ device }: WifiProblem) => device ?? 'the Wi-Fi device';
/** What happened, without the advice that follows it. */
const words = ({ message }: WifiProblem) => `the Wi-Fi cannot be used: ${message.split('. ')[0]!.replace(/\.$/, '')}`;
const entry = (text: Entry<WifiProblem>['text'], remedy: string): Entry<WifiProblem> => ({
  severity: 'fail',
  text,
  remedy: () => remedy,
  next: NEXT,
});

const OBSTACLES: Entries<ObstacleParams> = {
  wifi_switched_off: entry(
    () => 'Wi-Fi changes are switched off in agent.json',
    'Set "backend": "auto" under wifi in /etc/hub-agent/agent.json',
  ),
  wifi_not_running: entry(() => 'NetworkManager is not running', 'sudo systemctl enable --now NetworkManager'),
  wifi_no_reply: entry(words, `${LOOK}; sudo systemctl restart NetworkManager`),
  wifi_not_allowed: entry(words, REINSTALL),
  wifi_radio_hardware: entry(() => 'the Wi-Fi radio is switched off in hardware (rfkill)', 'Switch the radio on at the hub; rfkill list'),
  wifi_radio_software: entry(() => 'the Wi-Fi radio is switched off (rfkill)', 'sudo nmcli radio wifi on; sudo rfkill unblock wifi'),
  // A hub with a cable only is no broken one.
  wifi_no_device: {
    ...entry(() => 'NetworkManager knows no Wi-Fi device; a hub without Wi-Fi has "wifi": {"backend": "none"} in agent.json', FIND_DEVICE),
    severity: 'warn',
  },
  wifi_other_device: entry(
    (problem) => `NetworkManager does not know ${nameOf(problem)}, which agent.json names (wifi.interface)`,
    FIND_DEVICE,
  ),
  wifi_unmanaged: {
    ...entry((problem) => `NetworkManager does not manage ${nameOf(problem)}`, ''),
    remedy: ({ device }) => (device === null ? LOOK : `sudo nmcli device set ${device} managed yes`),
  },
  wifi_not_ready: entry(
    (problem) => `${nameOf(problem)} is not ready: rfkill, or wpa_supplicant is missing or does not run`,
    'rfkill list; sudo apt-get install wpasupplicant; sudo systemctl restart NetworkManager',
  ),
  wifi_failed: entry(words, LOOK),
};

export const WIFI: Entries<WifiParams> = {
  ...OBSTACLES,
  wifi_no_rule: {
    severity: 'warn',
    text: () => 'the polkit rule of the agent is not installed: only root may change networks',
    remedy: () => REINSTALL,
    next: NEXT,
  },
  wifi_not_joined: {
    severity: 'warn',
    text: ({ device, ssid }) => `${device} is on no network, although ${ssid} is in reach and known to the hub`,
    remedy: ({ device }) =>
      `While the cloud cannot be reached, the agent joins it again, with pauses of up to 30 minutes. At once: sudo nmcli device connect ${device}`,
    next: 'sudo journalctl -u NetworkManager -n 50',
  },
  wifi_disconnected_by_hand: {
    severity: 'warn',
    text: ({ device, ssid }) =>
      `${device} is on no network, although ${ssid} is in reach: NetworkManager was told to leave it disconnected (nmcli)`,
    remedy: ({ device }) => `sudo nmcli device connect ${device}`,
    next: NEXT,
  },
};

export type WifiCode = keyof WifiParams;
const found = finder(WIFI);

/** Why the Wi-Fi cannot be moved; a reason that only a newer agent knows keeps its own words. */
export function wifiFinding(problem: WifiProblem): HealthFinding<WifiCode> {
  const code = `wifi_${problem.reason}` as const;
  return found(Object.hasOwn(OBSTACLES, code) ? code : 'wifi_failed', problem, problem.device);
}

/** A known network that the hub does not join. */
export const notJoinedFinding = (network: WifiNotJoined): HealthFinding<WifiCode> =>
  found(network.byHand ? 'wifi_disconnected_by_hand' : 'wifi_not_joined', network, network.device);

/** That the agent may not change networks because its rule for polkit is not there. */
export const ruleFinding = (): HealthFinding<WifiCode> => found('wifi_no_rule', {});
