import { access } from 'node:fs/promises';
import type { WifiReport } from '../../control/api.ts';
import { attempt } from '../cli/failure.ts';
import { type Check, type Finding, fail, ok, skipped, warn } from './check.ts';

/** Where the package puts the rule, and where an administrator may. */
const POLKIT_RULES = ['/usr/share/polkit-1/rules.d/50-hub-agent.rules', '/etc/polkit-1/rules.d/50-hub-agent.rules'];

/** The rule is in the package of the agent, which is in no archive of the system. */
const REINSTALL = 'sudo dpkg -i hub-agent_*.deb; sudo apt-get install polkitd';

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

export const wifiCheck: Check = {
  name: 'wifi',
  why: 'The hub is moved to another network over NetworkManager, as far as polkit allows.',
  async run({ settings, agent, ports }) {
    if (settings.wifi.backend === 'none') return skipped('switched off in agent.json (wifi.backend)');
    const { status } = await agent();
    if (status) {
      const { value } = await attempt(ports.client.get<WifiReport>('/v1/wifi'));
      if (value?.problem) return problemFinding(value.problem, settings.wifi.interface);
      if (value) return ok(value.connection ? `on ${value.connection.ssid}` : 'ready, on no network');
    }
    const problem = await ports.wifiProblem(settings.wifi.interface);
    if (problem) return problemFinding(problem, settings.wifi.interface);
    // This user may do more than the agent: what the agent may is in the rule.
    if (!(await Promise.all(POLKIT_RULES.map(exists))).includes(true)) {
      return warn('the polkit rule of the agent is not installed: only root may change networks', REINSTALL);
    }
    return ok('NetworkManager has a Wi-Fi device');
  },
};

/** The texts of the Wi-Fi stack, as far as they say what is wrong with the hub. */
const NO_DEVICE = 'knows no Wi-Fi device';

function problemFinding(problem: string, interfaceName: string | null): Finding {
  if (!problem.includes(NO_DEVICE) || interfaceName !== null) return fail(problem, remedyOf(problem));
  // A hub with a cable only is no broken one.
  return warn(`${problem} A hub without Wi-Fi has "wifi": {"backend": "none"} in agent.json`, remedyOf(problem));
}

function remedyOf(problem: string): string {
  if (problem.includes('not allowed')) return REINSTALL;
  if (problem.includes('wpa_supplicant')) return 'rfkill list; sudo apt-get install wpasupplicant; sudo systemctl restart NetworkManager';
  if (problem.includes('rfkill')) return 'sudo nmcli radio wifi on; sudo rfkill unblock wifi';
  if (problem.includes('no Wi-Fi device')) return 'nmcli device; sudo dmesg | grep -i firmware';
  const named = [...problem.matchAll(/`([^`]+)`/g)].map(([, command]) => `sudo ${command}`);
  return named.length > 0 ? named.join('; ') : 'systemctl status NetworkManager; nmcli device status';
}
