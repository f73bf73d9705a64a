import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, NodesResult } from '../../contract/node.ts';
import type { Claim } from '../../contract/shadow.ts';
import type { CommandReport } from '../api.ts';

/** What the agent left on the disk, for when it does not run. Only read; damaged files count as absent. */
export interface OfflineState {
  claim: Claim | null;
  nodes: NodesResult;
  /** When the nodes were written, epoch milliseconds; null: never. */
  nodesAt: number | null;
  /** Oldest first. */
  commands: CommandReport[];
}

/** More commands than the agent keeps. */
const MAX_COMMANDS = 256;

async function readJson(path: string): Promise<Record<string, unknown> | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

export async function readNodes(stateDirectory: string): Promise<{ nodes: NodesResult; at: number | null }> {
  const path = join(stateDirectory, 'nodes.json');
  const file = await readJson(path);
  const nodes = (Array.isArray(file?.nodes) ? (file.nodes as Node[]) : [])
    .filter((node) => typeof node?.nodeId === 'string')
    .map((node) => ({ ...node, available: false }));
  const at = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
  return { nodes: { nodes, total: nodes.length, available: 0, scanComplete: false, buses: [] }, at };
}

export async function readCommands(stateDirectory: string): Promise<CommandReport[]> {
  const folder = join(stateDirectory, 'commands');
  const names = await readdir(folder).catch(() => [] as string[]);
  const files = names.filter((name) => name.endsWith('.json')).slice(0, MAX_COMMANDS);
  const entries = await Promise.all(files.map((name) => readJson(join(folder, name))));
  return entries
    .flatMap((file) => {
      const entry = file?.entry as (CommandReport & { args?: unknown }) | undefined;
      if (typeof entry?.id !== 'string' || typeof entry.command !== 'string') return [];
      const { id, intake, command, stage, receivedAt, finishedAt, outcome } = entry;
      return [{ id, intake, command, stage, receivedAt, finishedAt, outcome, status: outcome?.status ?? null }];
    })
    .sort((a, b) => a.receivedAt - b.receivedAt);
}

export async function readOffline(stateDirectory: string): Promise<OfflineState> {
  const [claim, { nodes, at }, commands] = await Promise.all([
    readJson(join(stateDirectory, 'claim.json')),
    readNodes(stateDirectory),
    readCommands(stateDirectory),
  ]);
  return { claim: typeof claim?.siteId === 'string' ? (claim as unknown as Claim) : null, nodes, nodesAt: at, commands };
}
