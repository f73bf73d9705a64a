import type { Files } from '../../../system/files.ts';
import type { Log } from '../../../system/log.ts';
import { readRecord } from '../../../system/records.ts';
import { parsed, type Schema } from '../../../system/schema.ts';
import { parseSealed, sealed } from '../../../system/seal.ts';
import { type DeviceReadings, READINGS_SCHEMA } from './readings.ts';

const FORMAT_VERSION = 1;
const EVENT = 'zigbee_readings_damaged';
const MEANS = 'what the Zigbee devices reported last is not known; they report again by themselves';

const DEVICE_SCHEMA: Schema = {
  type: 'object',
  properties: {
    address: { type: 'string', maxLength: 32 },
    readings: READINGS_SCHEMA,
    zoneType: { type: ['integer', 'null'] },
    tamper: {
      type: ['object', 'null'],
      properties: { open: { type: 'boolean' }, alarmAt: { type: ['number', 'null'] } },
      required: ['open', 'alarmAt'],
    },
  },
  required: ['address', 'readings', 'zoneType', 'tamper'],
};
const FILE_SCHEMA: Schema = {
  type: 'object',
  properties: { version: { const: FORMAT_VERSION }, devices: { type: 'array', items: DEVICE_SCHEMA, maxItems: 4096 } },
  required: ['version', 'devices'],
};

type Stored = DeviceReadings & { address: string };

function parse(data: Buffer): Map<string, DeviceReadings> {
  const { devices } = parsed<{ devices: Stored[] }>(FILE_SCHEMA, parseSealed(data), 'unknown format');
  return new Map(devices.map(({ address, ...readings }) => [address, readings]));
}

/** The readings on disk: the library keeps values without their time. */
export interface ReadingsStore {
  /** Empty when there are none, or the file is damaged. Never throws. */
  load(): Promise<Map<string, DeviceReadings>>;
  /** @throws errors of the file system */
  save(devices: ReadonlyMap<string, DeviceReadings>): Promise<void>;
}

export function createReadingsStore({ path, files, log }: { path: string; files: Files; log: Log }): ReadingsStore {
  return {
    async load() {
      const found = await readRecord({ files, log }, { path, parse, event: EVENT, means: MEANS });
      return found.state === 'sound' ? found.value : new Map();
    },
    save: (devices) =>
      files.writeAtomic(
        path,
        `${JSON.stringify(sealed({ version: FORMAT_VERSION, devices: [...devices].map(([address, readings]) => ({ address, ...readings })) }))}\n`,
      ),
  };
}
