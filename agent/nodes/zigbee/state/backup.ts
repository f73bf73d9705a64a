import type { ZigbeeAdapter } from '../../../contract/zigbee.ts';
import { parseBounded } from '../../../system/bounded-json.ts';
import { parsed, type Schema } from '../../../system/schema.ts';
import { Secret } from '../../../system/secret.ts';
import { MAX_FRAME_COUNTER } from './frame-counter.ts';
import type { NetworkParameters } from './parameters.ts';

/** A device as the coordinator knows it. */
export interface Stranger {
  /** `0x` and 16 hex digits. */
  address: string;
  /** Null: the coordinator has forgotten it. */
  networkAddress: number | null;
}

/** What a coordinator's backup says (zigpy, open coordinator backup, version 1). */
export interface Backup extends NetworkParameters {
  /** 16 lower-case hex digits. */
  coordinator: string;
  /** Channels that the network may be on; the library compares this list with the configuration's. */
  channels: number[];
  /** Of frames secured with the network key: a backup with a higher one is the younger. */
  frameCounter: number;
  /** That the coordinator knows. */
  devices: Stranger[];
}

/** Families whose coordinator can be backed up by the library. */
const WITH_BACKUP: readonly ZigbeeAdapter[] = ['zstack', 'ember', 'deconz'];
export const hasBackup = (adapter: ZigbeeAdapter): boolean => WITH_BACKUP.includes(adapter);

const hex = (digits: number): Schema => ({ type: 'string', pattern: new RegExp(`^[0-9a-fA-F]{${digits}}$`) });
const SHORT = /^[0-9a-fA-F]{1,4}$/;
const CHANNEL: Schema = { type: 'integer', minimum: 11, maximum: 26 };
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties, required: Object.keys(properties) });

const SCHEMA = object({
  metadata: object({ format: { const: 'zigpy/open-coordinator-backup' }, version: { const: 1 } }),
  coordinator_ieee: hex(16),
  pan_id: { type: 'string', pattern: SHORT },
  extended_pan_id: hex(16),
  channel: CHANNEL,
  channel_mask: { type: 'array', items: CHANNEL, minItems: 1 },
  network_key: object({
    key: hex(32),
    frame_counter: { type: 'integer', minimum: 0, maximum: MAX_FRAME_COUNTER },
    sequence_number: { type: 'integer', minimum: 0, maximum: 255 },
  }),
  devices: { type: 'array', items: object({ nwk_address: { type: ['string', 'null'], pattern: SHORT }, ieee_address: hex(16) }) },
});

interface Stored {
  coordinator_ieee: string;
  pan_id: string;
  extended_pan_id: string;
  channel: number;
  channel_mask: number[];
  network_key: { key: string; frame_counter: number };
  devices: { nwk_address: string | null; ieee_address: string }[];
}

/** @throws Error with a reason that quotes nothing of the text: keys are in it */
export function parseBackup(data: Buffer): Backup {
  let value: unknown;
  try {
    value = parseBounded(data.toString('utf8'));
  } catch {
    throw new Error('not JSON');
  }
  const found = parsed<Stored>(SCHEMA, value, 'no coordinator backup');
  return {
    panId: Number.parseInt(found.pan_id, 16),
    extendedPanId: found.extended_pan_id.toLowerCase(),
    networkKey: new Secret(found.network_key.key.toLowerCase()),
    channel: found.channel,
    channels: found.channel_mask,
    coordinator: found.coordinator_ieee.toLowerCase(),
    frameCounter: found.network_key.frame_counter,
    devices: found.devices.map(({ ieee_address: ieee, nwk_address: short }) => ({
      address: `0x${ieee.toLowerCase()}`,
      networkAddress: short === null ? null : Number.parseInt(short, 16),
    })),
  };
}
