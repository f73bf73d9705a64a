import type { NodesResult } from '../../contract/node.ts';
import { compareNodes } from '../../contract/node-order.ts';
import type { Claim } from '../../contract/shadow.ts';
import type { CommandReport } from '../../control/api.ts';
import { withFolderBeneath } from '../../system/beneath.ts';
import type { Paths } from '../../system/paths.ts';
import { withRegularFile } from '../../system/regular-file.ts';
import { parseSealed } from '../../system/seal.ts';
import { claimOf, nodeOf, reportOf, type StoredNode } from './stored.ts';

/** What is shown in the place of a file that this user may not read. */
export const NOT_READABLE = 'not readable: use sudo';

/** The stored node table. Buses are not in it, and no node counts as available. */
export type StoredNodes = Omit<NodesResult, 'nodes'> & { nodes: StoredNode[] };

/** What the agent left on the disk, for when it does not run. Only read; damaged files count as absent. */
export interface OfflineState {
  claim: Claim | null;
  nodes: StoredNodes;
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

interface Stored {
  value: Record<string, unknown> | null;
  /** Epoch milliseconds. */
  at: number | null;
  denied: boolean;
}

/** A record below the state directory, which its owner may change: nothing is followed there, and nothing waited for. */
async function readStored(folder: string, name: string): Promise<Stored> {
  try {
    return await withRegularFile(`${folder}/${name}`, { follow: false }, async (file) => ({
      value: parseSealed(await file.read()),
      at: file.modifiedAtMs,
      denied: false,
    }));
  } catch (error) {
    return { value: null, at: null, denied: isDenied(error) };
  }
}

/** A folder that is not there counts as empty; one that is closed is reported. */
async function inFolder<T>(
  stateDirectory: string,
  names: readonly string[],
  use: (path: string) => Promise<T>,
  closed: (denied: boolean) => T,
) {
  try {
    return await withFolderBeneath(stateDirectory, names, use);
  } catch (error) {
    return closed(isDenied(error));
  }
}

const readState = (stateDirectory: string, name: string) =>
  inFolder(
    stateDirectory,
    [],
    (path) => readStored(path, name),
    (denied): Stored => ({ value: null, at: null, denied }),
  );

/** The nodes as the agent wrote them, in the order in which it shows them; with `bus`, only those of this bus. */
export async function readNodes(stateDirectory: string, bus?: string): Promise<{ nodes: StoredNodes; at: number | null; denied: boolean }> {
  const { value: file, at, denied } = await readState(stateDirectory, 'nodes.json');
  const stored = (Array.isArray(file?.nodes) ? (file.nodes as unknown[]) : []).flatMap((node) => nodeOf(node) ?? []);
  const nodes = stored.filter((node) => bus === undefined || node.bus === bus).sort(compareNodes);
  return { nodes: { nodes, total: nodes.length, available: 0, scanComplete: false, buses: [] }, at, denied };
}

export async function readCommands(
  stateDirectory: string,
  paths: Pick<Paths, 'names'>,
): Promise<{ commands: CommandReport[]; denied: boolean }> {
  return inFolder(
    stateDirectory,
    ['commands'],
    async (path) => {
      const names = (await paths.names(path)).filter((name) => /\.(?:json|done)$/.test(name)).slice(0, MAX_COMMANDS);
      const records = await Promise.all(names.map(async (name) => ({ name, ...(await readStored(path, name)) })));
      const commands = records.flatMap(({ name, value }) => reportOf(value?.entry, name.endsWith('.done')) ?? []);
      return { commands: commands.sort((a, b) => a.receivedAt - b.receivedAt), denied: records.some((record) => record.denied) };
    },
    (denied) => ({ commands: [], denied }),
  );
}

export async function readOffline(stateDirectory: string, paths: Pick<Paths, 'names'>): Promise<OfflineState> {
  const [claim, nodes, commands] = await Promise.all([
    readState(stateDirectory, 'claim.json'),
    readNodes(stateDirectory),
    readCommands(stateDirectory, paths),
  ]);
  const denied = { claim: claim.denied, nodes: nodes.denied, commands: commands.denied };
  return {
    claim: claimOf(claim.value),
    nodes: nodes.nodes,
    nodesAt: nodes.at,
    commands: commands.commands,
    unreadable: (['claim', 'nodes', 'commands'] as const).filter((name) => denied[name]),
  };
}
