import type { NodesResult } from '../../agent/contract/node.ts';
import type { LastCommand } from '../../agent/contract/shadow.ts';
import type { AgentProcess } from '../../test/hil/rig/agent-process.ts';
import type { Rig } from '../../test/hil/rig/rig.ts';
import type { RigWifi } from '../../test/hil/rig/wifi.ts';
import { describeAnswer } from './answers.ts';
import type { Screen } from './screen.ts';

/** Log events that a viewer of the demo wants to see; everything from `warn` on is shown besides. */
const SHOWN = new Set(['node_new', 'node_lost', 'node_found', 'scan_complete', 'cloud_online', 'command_started', 'claimed']);

/** Prints what happens in the hub's cloud, as it happens. */
export function followCloud(rig: Rig, screen: Screen): void {
  const presenceTopic = `hubs/${rig.hubId}/presence`;
  const documentsTopic = `$aws/things/${rig.hubId}/shadow/update/documents`;
  let lastSeen = '';
  rig.onMessage(({ topic, payload }) => {
    if (topic === presenceTopic) {
      const { state, session } = JSON.parse(payload.toString()) as { state: string; session: string };
      screen.event('cloud', `presence ${state} (session ${session.slice(0, 8)})`);
    }
    if (topic !== documentsTopic) return;
    const last = rig.reported().lastCommand as LastCommand | undefined;
    if (!last || `${last.id} ${last.status}` === lastSeen) return;
    lastSeen = `${last.id} ${last.status}`;
    // The complete answer has been published on its topic before; the shadow may hold less of it.
    const page = rig.results.find(({ id }) => id === last.id) as { result?: LastCommand['result'] } | undefined;
    const whole = page?.result ? { ...last, result: page.result } : last;
    screen.event('cloud', `${last.command} ${last.status} ${describeAnswer(whole)}`);
    const { nodes } = (whole.result ?? {}) as Partial<NodesResult>;
    if (last.command === 'get_nodes' && Array.isArray(nodes)) screen.nodes(nodes);
  });
}

/** Prints what happens on the hub. */
export function followAgent(agent: AgentProcess, screen: Screen): void {
  agent.onLine(({ level, event, msg, reason, command, to }) => {
    const subject = command === undefined ? '' : ` (${command})`;
    if (event === 'wifi_change') screen.event('hub', `Wi-Fi change: ${String(to).replaceAll('_', ' ')}`);
    else if (level === 'warn' || level === 'error' || level === 'fatal') screen.event('problem', `${event}${subject}: ${reason ?? msg}`);
    else if (SHOWN.has(event)) screen.event('hub', `${msg}${subject}`);
  });
}

/** Prints where the hub is in the air. */
export function followWifi({ hub }: RigWifi, screen: Screen): void {
  let before = hub.network();
  hub.listeners.add(() => {
    const network = hub.network();
    if (network === before) return;
    screen.event('wifi', network === null ? `the hub left "${before}"` : `the hub is on "${network}"`);
    before = network;
  });
}
