import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, NodesResult } from '../../contract/node.ts';
import type { Claim } from '../../contract/shadow.ts';
import type { CommandReport } from '../../control/api.ts';
import { parseBounded } from '../../system/bounded-json.ts';

/** What is shown in the place of a file that this user may not read. */
export const NOT_READABLE = 'not readable: use sudo';

/** What the agent left on the disk, for when it does not run. Only read; damaged files count as absent. */
export interface OfflineState {
  claim: Claim | null;
  nodes: NodesResult;
  /** When the nodes were written, epoch milliseconds; null: never. */
  nodesAt: number | null;
  /** Oldest first. */
  commands: CommandReport[];
  /** What this user may not read: it is not known, and not absent. */
  unreadable: ('claim' | 'nodes' | 'commands')[];
}

/** Whether a file is there, or may be, and this user may not look. */
export const isDenied = (error: unknown): boolean => ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');

/** More commands than the agent keeps. */
const MAX_COMMANDS = 256;

async function readJson(path: string): Promise<{ value: Record<string, unknown> | null; denied: boolean }> {
  try {
    const value: unknown = parseBounded(await readFile(path, 'utf8'));
    return { value: typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null, denied: false };
  } catch (error) {
    return { value: null, denied: isDenied(error) };
  }
}

export async function readNodes(stateDirectory: string): Promise<{ nodes: NodesResult; at: number | null; denied: boolean }> {
  const path = join(stateDirectory, 'nodes.json');
  const { value: file, denied } = await readJson(path);
  const nodes = (Array.isArray(file?.nodes) ? (file.nodes as Node[]) : [])
    .filter((node) => typeof node?.nodeId === 'string')
    .map((node) => ({ ...node, available: false }));
  const at = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
  return { nodes: { nodes, total: nodes.length, available: 0, scanComplete: false, buses: [] }, at, denied };
}

export async function readCommands(stateDirectory: string): Promise<{ commands: CommandReport[]; denied: boolean }> {
  const folder = join(stateDirectory, 'commands');
  let denied = false;
  const names = await readdir(folder).catch((error: unknown) => {
    denied = isDenied(error);
    return [] as string[];
  });
  const files = names.filter((name) => name.endsWith('.json')).slice(0, MAX_COMMANDS);
  const entries = await Promise.all(files.map((name) => readJson(join(folder, name))));
  const commands = entries
    .flatMap(({ value }) => {
      const entry = value?.entry as (CommandReport & { args?: unknown }) | undefined;
      if (typeof entry?.id !== 'string' || typeof entry.command !== 'string') return [];
      const { id, intake, command, stage, receivedAt, finishedAt, outcome } = entry;
      return [{ id, intake, command, stage, receivedAt, finishedAt, outcome, status: outcome?.status ?? null }];
    })
    .sort((a, b) => a.receivedAt - b.receivedAt);
  return { commands, denied: denied || entries.some((entry) => entry.denied) };
}

export async function readOffline(stateDirectory: string): Promise<OfflineState> {
  const [claim, nodes, commands] = await Promise.all([
    readJson(join(stateDirectory, 'claim.json')),
    readNodes(stateDirectory),
    readCommands(stateDirectory),
  ]);
  const denied = { claim: claim.denied, nodes: nodes.denied, commands: commands.denied };
  return {
    claim: typeof claim.value?.siteId === 'string' ? (claim.value as unknown as Claim) : null,
    nodes: nodes.nodes,
    nodesAt: nodes.at,
    commands: commands.commands,
    unreadable: (['claim', 'nodes', 'commands'] as const).filter((name) => denied[name]),
  };
}
