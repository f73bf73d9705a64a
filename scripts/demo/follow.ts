import type { LastCommand } from '../../agent/contract/shadow.ts';
import type { AgentProcess } from '../../test/hil/rig/agent-process.ts';
import type { Rig } from '../../test/hil/rig/rig.ts';
import type { Screen } from './screen.ts';

/** Log events that a viewer of the demo wants to see; everything from `warn` on is shown besides. */
const SHOWN = new Set(['node_new', 'node_lost', 'node_found', 'scan_complete', 'cloud_online', 'command_started', 'claimed']);
const MAX_RESULT = 400;

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
    screen.event('cloud', `${last.command} ${last.status} ${describe(last)}`);
  });
}

/** Prints what happens on the hub. */
export function followAgent(agent: AgentProcess, screen: Screen): void {
  agent.onLine(({ level, event, msg, reason, command }) => {
    const subject = command === undefined ? '' : ` (${command})`;
    if (level === 'warn' || level === 'error' || level === 'fatal') screen.event('problem', `${event}${subject}: ${reason ?? msg}`);
    else if (SHOWN.has(event)) screen.event('hub', `${msg}${subject}`);
  });
}

function describe({ id, error, result }: LastCommand): string {
  if (error) return `${error.code}: ${error.message}`;
  if (!result) return `(${id})`;
  const text = JSON.stringify(result);
  return text.length > MAX_RESULT ? `${text.slice(0, MAX_RESULT)}… (${text.length} characters; complete on its topic)` : text;
}

/** The `curl` lines of the API pages, for this hub. */
export function curlLines(rig: Rig): string[] {
  const commands: [string, object][] = [
    ['get_nodes', { refresh: true }],
    ['server_info', {}],
    ['set_wifi_credentials', { ssid: 'Back Office', credentials: 'a-password-of-yours' }],
  ];
  const lines = commands.map(([command, args]) =>
    [
      `curl -X POST "${rig.api.url}/hubs/${rig.hubId}/SendHubCommand"`,
      '  -H "Content-Type: application/json"',
      `  -H "X-API-Key: ${rig.apiKey}"`,
      `  -d '${JSON.stringify({ hubId: rig.hubId, command, args })}'`,
    ].join(' \\\n'),
  );
  return [...lines, `curl "${rig.api.url}/hubs/${rig.hubId}/status" -H "X-API-Key: ${rig.apiKey}"`];
}
