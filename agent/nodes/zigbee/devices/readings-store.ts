import type { Files } from '../../../system/files.ts';
import type { Log } from '../../../system/log.ts';
import { readRecord } from '../../../system/records.ts';
import { parsed, type Schema } from '../../../system/schema.ts';
import { parseSealed, sealed, unsealed } from '../../../system/seal.ts';
import { type DeviceReadings, soundDevice } from './readings.ts';

const FORMAT_VERSION = 1;
const EVENT = 'zigbee_readings_damaged';
const MEANS = 'what the Zigbee devices reported last is not known; they report again by themselves';

/** More than a network has. */
const MAX_DEVICES = 4096;

const DEVICE_SCHEMA: Schema = {
  type: 'object',
  properties: { address: { type: 'string', maxLength: 32 }, readings: { type: 'object' }, zoneType: {}, tamper: {} },
  required: ['address', 'readings', 'zoneType', 'tamper'],
};
const FILE_SCHEMA: Schema = {
  type: 'object',
  properties: { version: { const: FORMAT_VERSION }, devices: { type: 'array' } },
  required: ['version', 'devices'],
};

const parseFile = (data: Buffer) => parsed<{ devices: unknown[] }>(FILE_SCHEMA, parseSealed(data), 'unknown format').devices;

interface Entry {
  address: string;
  device: DeviceReadings;
  /** Values that broke a rule. */
  dropped: number;
}

/** Each device has a checksum of its own: one that is damaged takes no other with it. */
function parseDevice(stored: unknown): Entry[] {
  try {
    const { address, ...found } = parsed<{ address: string } & Parameters<typeof soundDevice>[0]>(
      DEVICE_SCHEMA,
      unsealed(stored),
      'not a device',
    );
    return [{ address, ...soundDevice(found) }];
  } catch {
    return [];
  }
}

/** The readings on disk: the library keeps values without their time. */
export interface ReadingsStore {
  /** What was written last. A damaged file yields what can be saved of it, and a log line that says what was lost. Never throws. */
  load(): Promise<Map<string, DeviceReadings>>;
  /** @throws errors of the file system */
  save(devices: ReadonlyMap<string, DeviceReadings>): Promise<void>;
}

export function createReadingsStore({ path, files, log }: { path: string; files: Files; log: Log }): ReadingsStore {
  return {
    async load() {
      const found = await readRecord({ files, log }, { path, parse: parseFile, event: EVENT, means: MEANS });
      if (found.state !== 'sound') return new Map();
      const entries = found.value.slice(0, MAX_DEVICES).flatMap(parseDevice);
      const lost = found.value.length - entries.length;
      const lostValues = entries.reduce((sum, { dropped }) => sum + dropped, 0);
      if (lost > 0 || lostValues > 0)
        log.warn({ event: EVENT, path, kept: entries.length, lost, lostValues, reason: 'damaged entries' }, MEANS);
      return new Map(entries.map(({ address, device }) => [address, device]));
    },
    async save(devices) {
      const entries = [...devices].map(([address, readings]) => sealed({ address, ...readings }));
      await files.writeAtomic(path, `${JSON.stringify({ version: FORMAT_VERSION, devices: entries })}\n`);
    },
  };
}
