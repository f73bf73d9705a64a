import * as z from 'zod';
import type { Node } from '../contract/node.ts';
import { messageOf } from '../system/errors.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { INTERPRETED } from '../system/parse-options.ts';

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

/** The nodes known before this start, on disk. */
export interface NodeStore {
  /** What was written last. A damaged file yields what can be saved of it, and a log line that says what was lost. Never throws. */
  load(): Promise<Node[]>;
  /** @throws whatever the file system throws. */
  save(nodes: readonly Node[]): Promise<void>;
}

export function createNodeStore({ path, files, log }: { path: string; files: Files; log: Log }): NodeStore {
  const damaged = (kept: number, lost: number | null, reason: string) =>
    log.warn(
      { event: 'nodes_file_damaged', path, kept, lost, reason },
      'part of the known nodes was lost: first-seen times begin anew for those',
    );

  return {
    async load() {
      let content: Buffer | null;
      try {
        content = await files.read(path);
      } catch (error) {
        damaged(0, null, messageOf(error));
        return [];
      }
      if (!content) return [];
      let parsed: unknown;
      try {
        parsed = JSON.parse(content.toString('utf8'));
      } catch {
        damaged(0, null, 'not JSON');
        return [];
      }
      const file = fileSchema.safeParse(parsed, INTERPRETED);
      if (!file.success) {
        damaged(0, null, 'unknown format');
        return [];
      }
      const nodes = file.data.nodes.flatMap((entry) => {
        const node = nodeSchema.safeParse(entry, INTERPRETED);
        return node.success ? [node.data as Node] : [];
      });
      if (nodes.length < file.data.nodes.length) damaged(nodes.length, file.data.nodes.length - nodes.length, 'malformed entries');
      return nodes.slice(0, MAX_KNOWN_NODES);
    },

    async save(nodes) {
      const kept = nodes.toSorted((a, b) => (b.lastSeen ?? '').localeCompare(a.lastSeen ?? '')).slice(0, MAX_KNOWN_NODES);
      await files.writeAtomic(path, `${JSON.stringify({ version: FORMAT_VERSION, nodes: kept })}\n`);
    },
  };
}
