import { ZIGBEE_ADAPTERS, type ZigbeeAdapter } from '../../../contract/zigbee.ts';
import { parsed, type Schema } from '../../../system/schema.ts';
import { parseSealed, sealed } from '../../../system/seal.ts';
import { Secret } from '../../../system/secret.ts';
import type { NetworkParameters } from './parameters.ts';

/**
 * How far a network is. `forming`: its parameters are stored, and no device can have joined yet. `formed`: devices may be paired with it.
 * `lost`: the library formed another one although this one existed; only the copies still have it.
 */
export type Stage = 'forming' | 'formed' | 'lost';

/** The agent's own record of its network: what the library and the stick hold is compared with it. */
export interface NetworkRecord extends NetworkParameters {
  stage: Stage;
  adapter: ZigbeeAdapter;
  /** 16 lower-case hex digits; null until the network is formed. */
  coordinator: string | null;
  /** The configured path of the stick that the network was last seen on; null when it is not known. */
  stick: string | null;
  /** Devices at the last save. */
  devices: number;
  /** When a copy of database and backup was last made, epoch milliseconds; null: never. */
  savedAt: number | null;
}

const FORMAT_VERSION = 1;
const hex = (digits: number): Schema => ({ type: 'string', pattern: new RegExp(`^[0-9a-f]{${digits}}$`) });

const SCHEMA: Schema = {
  type: 'object',
  properties: {
    version: { const: FORMAT_VERSION },
    stage: { enum: ['forming', 'formed', 'lost'] },
    adapter: { enum: ZIGBEE_ADAPTERS },
    panId: { type: 'integer', minimum: 1, maximum: 0xfffe },
    extendedPanId: hex(16),
    networkKey: hex(32),
    channel: { type: 'integer', minimum: 11, maximum: 26 },
    coordinator: { ...hex(16), type: ['string', 'null'] },
    stick: { type: ['string', 'null'], maxLength: 4096 },
    devices: { type: 'integer', minimum: 0 },
    savedAt: { type: ['number', 'null'], minimum: 0 },
  },
  required: [
    ...['version', 'stage', 'adapter', 'panId', 'extendedPanId', 'networkKey'],
    ...['channel', 'coordinator', 'stick', 'devices', 'savedAt'],
  ],
};

type Stored = Omit<NetworkRecord, 'networkKey'> & { version: number; networkKey: string };

/** @throws Error with a reason that quotes nothing of the text: the key is in it */
export function parseRecord(data: Buffer): NetworkRecord {
  const { version: _, networkKey, ...rest } = parsed<Stored>(SCHEMA, parseSealed(data), 'unknown format');
  return { ...rest, networkKey: new Secret(networkKey) };
}

/** For a private file: the key is in it. */
export function recordText(record: NetworkRecord): string {
  return `${JSON.stringify(sealed({ version: FORMAT_VERSION, ...record, networkKey: record.networkKey.reveal() }))}\n`;
}
