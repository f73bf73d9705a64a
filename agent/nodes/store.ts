import type { Node, ZigbeeDetails } from '../contract/node.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { readRecord } from '../system/records.ts';
import { parsed, type Schema } from '../system/schema.ts';
import { parseSealed, sealed, unsealed } from '../system/seal.ts';
import { ISO_TIME } from './model.ts';
import { OSDP_PROPERTIES } from './osdp/node-facts.ts';
import { soundReadings } from './zigbee/devices/readings.ts';

/** The most nodes that are remembered: several full OSDP lines and a large Zigbee network. The oldest sightings go first. */
export const MAX_KNOWN_NODES = 2000;

const FORMAT_VERSION = 1;
const TEXT: Schema = { type: ['string', 'null'], maxLength: 256 };
const FLAG: Schema = { type: ['boolean', 'null'] };
const TIME: Schema = { type: ['string', 'null'], pattern: ISO_TIME };
const IDENTITY = { vendor: TEXT, model: TEXT, serialNumber: TEXT };

const ZIGBEE_SCHEMA: Schema = {
  type: 'object',
  properties: {
    interview: { enum: ['pending', 'running', 'done', 'failed', 'unknown_device'] },
    kind: { enum: ['router', 'end_device', 'unknown'] },
    power: { enum: ['mains', 'battery', 'unknown'] },
    silentAfterSeconds: { type: 'number', minimum: 0 },
    silentAfterFrom: { enum: ['check_in', 'assumed'] },
    parent: { type: ['string', 'null'], maxLength: 64 },
    // Each one is checked by itself.
    readings: { type: 'object' },
  },
  required: ['interview', 'kind', 'power', 'silentAfterSeconds', 'silentAfterFrom', 'parent', 'readings'],
};

const NODE_SCHEMA: Schema = {
  type: 'object',
  properties: {
    nodeId: { type: 'string', minLength: 1, maxLength: 256 },
    bus: { type: 'string', minLength: 1, maxLength: 128 },
    protocol: { enum: ['osdp', 'zigbee'] },
    address: { type: 'string', minLength: 1, maxLength: 64 },
    available: { type: 'boolean' },
    lastSeen: TIME,
    firstSeen: TIME,
    ...IDENTITY,
    firmwareVersion: TEXT,
    capabilities: { type: 'array', items: { type: 'string', maxLength: 128 }, maxItems: 256 },
    security: { enum: ['none', 'default_key', 'secured', 'required', null] },
    securityReason: { enum: ['wrong_key', 'key_type', 'no_key', 'refused', 'invalid', 'no_answer', 'no_own_key', null], default: null },
    replaced: { type: ['object', 'null'], properties: IDENTITY, required: ['vendor', 'model', 'serialNumber'], default: null },
    moved: { type: 'object', properties: { from: { type: 'string', maxLength: 256 }, at: TIME }, required: ['from', 'at'] },
    tamper: FLAG,
    powerFault: FLAG,
    problem: { enum: ['garbled', null], default: null },
    linkQuality: { type: ['number', 'null'], minimum: 0, maximum: 255 },
    zigbee: ZIGBEE_SCHEMA,
    ...OSDP_PROPERTIES,
  },
  required: [
    ...['nodeId', 'bus', 'protocol', 'address', 'available', 'lastSeen', 'firstSeen', 'vendor', 'model', 'serialNumber'],
    ...['firmwareVersion', 'capabilities', 'security', 'tamper', 'powerFault', 'linkQuality'],
  ],
};

const FILE: Schema = {
  type: 'object',
  properties: { version: { const: FORMAT_VERSION }, nodes: { type: 'array' } },
  required: ['version', 'nodes'],
};

const DAMAGED_EVENT = 'nodes_file_damaged';
const LOST = 'known nodes were lost: first-seen times begin anew for those';

const parseFile = (data: Buffer) => parsed<{ nodes: unknown[] }>(FILE, parseSealed(data), 'unknown format').nodes;

const readingsOf = ({ readings }: ZigbeeDetails) => ({ readings: soundReadings({ ...readings }).readings });

/** Each node has a checksum of its own: one that is damaged takes no other with it. */
function parseNode(entry: unknown): Node[] {
  try {
    const node = parsed<Node>(NODE_SCHEMA, unsealed(entry), 'not a node');
    return [node.zigbee ? { ...node, zigbee: { ...node.zigbee, ...readingsOf(node.zigbee) } } : node];
  } catch {
    return [];
  }
}

/** The nodes known before this start, on disk. */
export interface NodeStore {
  /** What was written last. A damaged file yields what can be saved of it, and a log line that says what was lost. Never throws. */
  load(): Promise<Node[]>;
  /** @throws errors of the file system. */
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
      // What an older agent does not know would cost it the node; it is found out anew in any case.
      const written = kept.map((node) => sealed({ ...node, problem: node.problem === 'garbled' ? node.problem : null }));
      await files.writeAtomic(path, `${JSON.stringify({ version: FORMAT_VERSION, nodes: written })}\n`);
    },
  };
}
