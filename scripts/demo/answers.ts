import type { NodesResult } from '../../agent/contract/node.ts';
import type { LastCommand } from '../../agent/contract/shadow.ts';

/** What server_info answers, as far as the demo shows it. */
interface ServerInfo {
  agent?: { version?: string; nodeVersion?: string };
  host?: { osName?: string; kernel?: string };
}

/** One line for a person about an answered command; a list of nodes is shown as a table beside it. */
export function describeAnswer({ id, command, error, result }: LastCommand): string {
  if (error) return `${error.code}: ${error.message}`;
  if (!result) return `(${id})`;
  switch (command) {
    case 'get_nodes': {
      const { total, available, scanComplete } = result as unknown as NodesResult;
      return `${total} nodes, ${available} available${scanComplete ? '' : ', the scan is not over'}`;
    }
    case 'server_info': {
      const { agent, host } = result as ServerInfo;
      return `agent ${agent?.version}, Node ${agent?.nodeVersion}, ${host?.osName}, kernel ${host?.kernel}`;
    }
    case 'set_wifi_credentials': {
      const { ssid, previousSsid, ipv4, signalDbm, durationMs } = result as Record<string, unknown>;
      return `on "${ssid}" (before: "${previousSsid}") with ${ipv4}, ${signalDbm} dBm, after ${(Number(durationMs) / 1000).toFixed(1)} s`;
    }
    default:
      return `(${id})`;
  }
}
