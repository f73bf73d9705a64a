import type { Cloud } from '../cloud/cloud.ts';
import { createGetNodes } from '../commands/handlers/get-nodes.ts';
import { type Catalog, createCatalog } from '../commands/handlers/handler.ts';
import { createServerInfo, type ServerInfoDeps } from '../commands/handlers/server-info.ts';
import { createSetWifiCredentials } from '../commands/handlers/set-wifi-credentials.ts';
import type { AgentConfig } from '../config/config.ts';
import type { NodeTable } from '../nodes/table.ts';
import type { MonotonicClock } from '../system/clock.ts';
import type { HostFacts } from '../system/host.ts';
import { version } from '../system/version.ts';

/** Every command that the hub knows. */
export function createCommandCatalog(deps: {
  config: AgentConfig;
  nodes: NodeTable;
  wifi: ServerInfoDeps['wifi'] & Parameters<typeof createSetWifiCredentials>[0]['wifi'];
  host: HostFacts;
  cloud(): Cloud;
  claim: ServerInfoDeps['claim'];
  release: ServerInfoDeps['release'];
  clock: MonotonicClock;
}): Catalog {
  const { config, nodes, wifi, host, clock } = deps;
  const { identity, commands, certificateExpiresAt } = config;
  return createCatalog([
    createGetNodes({ nodes, timeoutMs: commands.getNodesTimeoutMs }),
    createServerInfo({
      identity,
      version,
      certificateExpiresAt,
      host,
      cloudFacts: () => ({ ...deps.cloud().facts(), connected: deps.cloud().facts().phase === 'connected' }),
      buses: () => nodes.buses(),
      claim: deps.claim,
      release: deps.release,
      wifi,
      clock,
      timeoutMs: commands.serverInfoTimeoutMs,
    }),
    createSetWifiCredentials({ wifi, timeoutMs: commands.setWifiCredentialsTimeoutMs }),
  ]);
}
