import * as z from 'zod';
import type { Node } from '../contract/node.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { INTERPRETED } from '../system/parse-options.ts';
import { readRecord } from '../system/records.ts';
import { parseSealed, sealed, unsealed } from '../system/seal.ts';

/** The most nodes that are remembered: several full OSDP lines and a large Zigbee network. The oldest sightings go first. */
export const MAX_KNOWN_NODES = 2000;

const FORMAT_VERSION = 1;
const text = z.string().max(256).nullable();

const nodeSchema = z.object({
  nodeId: z.string().min(1).max(256),
  bus: z.string().min(1).max(128),
  protocol: z.enum(['osdp', 'zigbee']),
  address: z.string().min(1).max(64),
  available: z.boolean(),
  lastSeen: z.iso.datetime().nullable(),
  firstSeen: z.iso.datetime().nullable(),
  vendor: text,
  model: text,
  serialNumber: text,
  firmwareVersion: text,
  capabilities: z.array(z.string().max(128)).max(256),
  security: z.enum(['none', 'default_key', 'secured', 'required']).nullable(),
  securityReason: z.enum(['wrong_key', 'key_type', 'no_key', 'refused', 'invalid', 'no_answer']).nullable().default(null),
  replaced: z.object({ vendor: text, model: text, serialNumber: text }).nullable().default(null),
  tamper: z.boolean().nullable(),
  powerFault: z.boolean().nullable(),
  linkQuality: z.number().min(0).max(255).nullable(),
});

const fileSchema = z.object({ version: z.literal(FORMAT_VERSION), nodes: z.array(z.unknown()) });

const DAMAGED_EVENT = 'nodes_file_damaged';
const LOST = 'known nodes were lost: first-seen times begin anew for those';

function parseFile(data: Buffer): unknown[] {
  const file = fileSchema.safeParse(parseSealed(data), INTERPRETED);
  if (!file.success) throw new Error('unknown format');
  return file.data.nodes;
}

/** Each node has a checksum of its own: one that is damaged takes no other with it. */
function parseNode(entry: unknown): Node[] {
  try {
    return [nodeSchema.parse(unsealed(entry), INTERPRETED) as Node];
  } catch {
    return [];
  }
}

/** The nodes known before this start, on disk. */
export interface NodeStore {
  /** What was written last. A damaged file yields what can be saved of it, and a log line that says what was lost. Never throws. */
  load(): Promise<Node[]>;
  /** @throws whatever the file system throws. */
  save(nodes: readonly Node[]): Promise<void>;
}

export function createNodeStore({ path, files, log }: { path: string; files: Files; log: Log }): NodeStore {
  const damaged = (kept: number, lost: number) => log.warn({ event: DAMAGED_EVENT, path, kept, lost, reason: 'damaged entries' }, LOST);

  return {
    async load() {
      const found = await readRecord({ files, log }, { path, parse: parseFile, event: DAMAGED_EVENT, means: LOST });
      if (found.state !== 'sound') return [];
      const nodes = found.value.flatMap(parseNode);
      if (nodes.length < found.value.length) damaged(nodes.length, found.value.length - nodes.length);
      return nodes.slice(0, MAX_KNOWN_NODES);
    },

    async save(nodes) {
      // ISO 8601 sorts by its characters; `localeCompare` would load the rules of every language.
      const order = (a: string, b: string) => Number(a > b) - Number(a < b);
      const kept = nodes.toSorted((a, b) => order(b.lastSeen ?? '', a.lastSeen ?? '')).slice(0, MAX_KNOWN_NODES);
      await files.writeAtomic(path, `${JSON.stringify({ version: FORMAT_VERSION, nodes: kept.map(sealed) })}\n`);
    },
  };
}
