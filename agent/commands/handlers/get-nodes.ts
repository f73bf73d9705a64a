import { parseGetNodesArgs } from '../../contract/get-nodes-args.ts';
import type { NodeDirectory } from '../../contract/node.ts';
import type { CommandHandler } from './handler.ts';

/** `get_nodes`: the nodes on the hub's buses, at once from the live table or after a scan pass (`refresh`). */
export function createGetNodes(deps: { nodes: NodeDirectory; timeoutMs: number }): CommandHandler<ReturnType<typeof parseGetNodesArgs>> {
  return {
    name: 'get_nodes',
    resource: 'nodes',
    repeatable: true,
    timeoutMs: deps.timeoutMs,
    parse: parseGetNodesArgs,
    run: async (query, signal) => ({ ...(await deps.nodes.getNodes(query, signal)) }),
  };
}
