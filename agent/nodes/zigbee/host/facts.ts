import { CHECK_IN_SECONDS, isPassedOn, numberBy, TIME } from '../devices/values.ts';
import type { DeviceFacts, DeviceMessage } from '../process/words.ts';
import type { LibraryDevice, LibraryMessage } from './library.ts';

const KINDS: Readonly<Record<string, DeviceFacts['kind']>> = { Router: 'router', EndDevice: 'end_device' };
const INTERVIEWS: Readonly<Record<string, DeviceFacts['interview']>> = {
  PENDING: 'pending',
  IN_PROGRESS: 'running',
  SUCCESSFUL: 'done',
  FAILED: 'failed',
};
const MAX_TEXT = 128;
const MAX_CLUSTERS = 64;

const textOf = (value: unknown): string | null => {
  if (typeof value !== 'string') return null;
  const text = value.split('\0')[0]!.trim().slice(0, MAX_TEXT);
  return text === '' ? null : text;
};
const numberOf = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null);
const qualityOf = (value: unknown) => {
  const quality = numberOf(value);
  return quality === null ? null : Math.min(quality, 255);
};

/** A device of the library, as it is reported to the agent. */
export function factsOf(device: LibraryDevice): DeviceFacts {
  const clusters = device.endpoints.flatMap((endpoint) => endpoint.getInputClusters().map(({ name }) => String(name).slice(0, MAX_TEXT)));
  return {
    address: device.ieeeAddr,
    kind: KINDS[device.type] ?? 'unknown',
    vendor: textOf(device.manufacturerName),
    model: textOf(device.modelID),
    firmware: textOf(device.softwareBuildID),
    powerSource: textOf(device.powerSource),
    interview: INTERVIEWS[device.interviewState] ?? 'pending',
    linkQuality: qualityOf(device.linkquality),
    lastSeen: numberBy(TIME, device.lastSeen),
    checkInSeconds: numberBy(CHECK_IN_SECONDS, device.checkinInterval),
    clusters: [...new Set(clusters)].slice(0, MAX_CLUSTERS),
  };
}

/** What JSON can say. The agent judges whether it is a value of that attribute, and tells what it drops. */
const isValue = (value: unknown): value is number | string | boolean =>
  typeof value === 'number'
    ? Number.isFinite(value)
    : typeof value === 'boolean' || (typeof value === 'string' && value.length <= MAX_TEXT);

/** A message of a device; null when nothing in it is passed on. */
export function messageOf({ device, cluster, type, data }: LibraryMessage, at: number): DeviceMessage | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || Buffer.isBuffer(data)) return null;
  const values = Object.fromEntries(
    Object.entries(data).filter(([name, value]) => isPassedOn(name) && isValue(value)),
  ) as DeviceMessage['values'];
  if (Object.keys(values).length === 0) return null;
  return { address: device.ieeeAddr, cluster: String(cluster).slice(0, MAX_TEXT), type: String(type).slice(0, MAX_TEXT), values, at };
}
