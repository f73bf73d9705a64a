import { access } from 'node:fs/promises';
import type { WifiReport } from '../api.ts';
import { attempt } from '../cli/failure.ts';
import { type Check, fail, ok, skipped, warn } from './check.ts';

/** Where the package puts the rule, and where an administrator may. */
const POLKIT_RULES = ['/usr/share/polkit-1/rules.d/50-hub-agent.rules', '/etc/polkit-1/rules.d/50-hub-agent.rules'];

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
      if (value?.problem) return fail(value.problem, remedyOf(value.problem));
      if (value) return ok(value.connection ? `on ${value.connection.ssid}` : 'ready, on no network');
    }
    const problem = await ports.wifiProblem(settings.wifi.interface);
    if (problem) return fail(problem, remedyOf(problem));
    // This user may do more than the agent: what the agent may is in the rule.
    if (!(await Promise.all(POLKIT_RULES.map(exists))).includes(true)) {
      return warn(
        'the polkit rule of the agent is not installed: only root may change networks',
        'sudo apt-get install --reinstall hub-agent polkitd',
      );
    }
    return ok('NetworkManager has a Wi-Fi device');
  },
};

function remedyOf(problem: string): string {
  if (problem.includes('not allowed')) return 'sudo apt-get install polkitd; ls /usr/share/polkit-1/rules.d/50-hub-agent.rules';
  if (problem.includes('rfkill')) return 'rfkill list; sudo rfkill unblock wifi; nmcli radio wifi on';
  if (problem.includes('no Wi-Fi device')) return 'nmcli device; lsusb; sudo dmesg | grep -i firmware';
  return 'systemctl status NetworkManager; nmcli device status';
}
