import { notJoinedFinding, ruleFinding, wifiFinding } from '../../health/wifi.ts';
import { wifiAnswer } from '../answers/status.ts';
import { attempt } from '../cli/failure.ts';
import { type Check, catalogued, ok, skipped } from './check.ts';

/** Where the package puts the rule, and where an administrator may. */
const POLKIT_RULES = ['/usr/share/polkit-1/rules.d/50-hub-agent.rules', '/etc/polkit-1/rules.d/50-hub-agent.rules'];

export const wifiCheck: Check = {
  name: 'wifi',
  why: 'NetworkManager moves the hub to another network, as far as polkit allows.',
  async run({ settings, agent, ports }) {
    if (settings.wifi.backend === 'none') return skipped('switched off in agent.json (wifi.backend)');
    const { status } = await agent();
    if (status) {
      const { value } = await attempt(ports.client.get('/v1/wifi', wifiAnswer));
      if (value?.problem) {
        const { problem: message, reason, device = null } = value;
        return catalogued(wifiFinding({ reason: reason ?? 'failed', message, device }));
      }
      if (value?.notJoined && !value.connection) return catalogued(notJoinedFinding(value.notJoined));
      if (value) return ok(value.connection ? `on ${value.connection.ssid}` : 'ready, on no network');
    }
    const problem = await ports.wifiProblem(settings.wifi.interface);
    if (problem) return catalogued(wifiFinding(problem));
    // This user may do more than the agent: what the agent may is in the rule.
    if (!(await Promise.all(POLKIT_RULES.map((path) => ports.paths.denial(path, 'none')))).includes(null)) return catalogued(ruleFinding());
    return ok('NetworkManager has a Wi-Fi device');
  },
};
