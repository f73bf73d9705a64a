import { parseBounded } from '../../../system/bounded-json.ts';
import type { Backup } from './backup.ts';

/** One line of the library's database: a device, the coordinator itself, or a group. */
interface Entry {
  id: number;
  type: string;
  [field: string]: unknown;
}

/** The library's database, as far as its lines are sound. */
export interface Database {
  /** By what an entry stands for: a device's address, `coordinator`, or a group's number. In the order of the file. */
  entries: ReadonlyMap<string, Entry>;
  /** Lines that the library would drop, or that would fail its start. */
  damagedLines: number;
}

/** Devices of several large networks; the file is the library's, and it may be anything. */
const MAX_LINES = 4_096;
const ADDRESS = /^0x[0-9a-f]{16}$/;
const DEVICE_TYPES: readonly unknown[] = ['Coordinator', 'Router', 'EndDevice', 'Unknown', 'GreenPower'];
const COORDINATOR = 'coordinator';
const NOTHING: Database = { entries: new Map(), damagedLines: 0 };

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isList = (value: unknown) => Array.isArray(value);

/** An endpoint that is null, or has no lists of clusters, ends the library's start. */
const isEndpoint = (value: unknown) =>
  isObject(value) &&
  typeof value.epId === 'number' &&
  isList(value.inClusterList) &&
  isList(value.outClusterList) &&
  isObject(value.clusters) &&
  Object.values(value.clusters).every(isObject) &&
  isList(value.binds ?? []) &&
  isList(value.configuredReportings ?? []);

const isAddress = (value: unknown): value is string => typeof value === 'string' && ADDRESS.test(value);

function isDevice(entry: Record<string, unknown>): boolean {
  const { type, ieeeAddr, nwkAddr, endpoints } = entry;
  const isGreen = type === 'GreenPower';
  return (
    DEVICE_TYPES.includes(type) &&
    (isGreen ? typeof ieeeAddr === 'string' : isAddress(ieeeAddr)) &&
    typeof nwkAddr === 'number' &&
    isObject(endpoints) &&
    Object.values(endpoints).every(isEndpoint)
  );
}

/** What an entry stands for; null: it is damaged. */
function keyOf(value: unknown): string | null {
  if (!isObject(value) || !Number.isSafeInteger(value.id)) return null;
  if (value.type === 'Group') return typeof value.groupID === 'number' && isList(value.members) ? `group ${value.groupID}` : null;
  if (!isDevice(value)) return null;
  // A restored network may have another coordinator's address, and has one coordinator.
  return value.type === 'Coordinator' ? COORDINATOR : String(value.ieeeAddr);
}

function parseLine(line: string): unknown {
  try {
    return parseBounded(line);
  } catch {
    return null;
  }
}

/** What can be read of the file; null bytes, a cut line and lines that are no entries are counted as damage. Never throws. */
export function parseDatabase(data: Buffer): Database {
  const lines = data.toString('utf8').split('\n').slice(0, MAX_LINES);
  const entries = new Map<string, Entry>();
  const ids = new Set<number>();
  let damagedLines = 0;
  for (const line of lines) {
    if (line === '') continue;
    const value = parseLine(line);
    const key = keyOf(value);
    // Of two lines with one id the library keeps the last.
    if (key === null || entries.has(key) || ids.has((value as Entry).id)) damagedLines += 1;
    if (key === null || entries.has(key)) continue;
    entries.set(key, value as Entry);
    ids.add((value as Entry).id);
  }
  return { entries, damagedLines };
}

/** Whether nothing in it is damaged. The library writes an empty one over devices that it could not read. */
export const isWhole = ({ entries, damagedLines }: Database): boolean => damagedLines === 0 && entries.size > 0;

const isPaired = ([, { type }]: [string, Entry]) => type !== 'Coordinator' && type !== 'Group';

/** Addresses of the paired devices: without the coordinator. */
export const pairedIn = ({ entries }: Database): string[] => [...entries].filter(isPaired).map(([address]) => address);

/** A line for a device of which only the coordinator knows: it is interviewed when it is heard. */
function uninterviewed(address: string, networkAddress: number, id: number): Entry {
  return {
    id,
    type: 'Unknown',
    ieeeAddr: address,
    nwkAddr: networkAddress,
    epList: [],
    endpoints: {},
    interviewCompleted: false,
    interviewState: 'PENDING',
    meta: {},
  };
}

function* withIds(entries: Iterable<[string, Entry]>): Generator<[string, Entry]> {
  const taken = new Set<number>();
  for (const [key, entry] of entries) {
    let { id } = entry;
    while (taken.has(id)) id += 1;
    taken.add(id);
    yield [key, id === entry.id ? entry : { ...entry, id }];
  }
}

/** A database put together again. */
export interface Mended {
  text: string;
  /** Paired devices in it. */
  devices: number;
  /** Those of them that the file had not, or not in a state that can be read. */
  recovered: number;
}

/**
 * What the library should start with: everything sound in its own file, then what only our copy has, then, when the file was damaged, the devices
 * that only the coordinator knows. Null: its own file is as good as that. A device that left in the moment before a power cut may come back as one that is
 * silent; a device that is paired never goes.
 */
export function mendDatabase(live: Database | null, copy: Database | null, backup: Backup | null): Mended | null {
  const own = live ?? NOTHING;
  const all = new Map(own.entries);
  for (const [key, entry] of copy?.entries ?? []) if (!all.has(key)) all.set(key, entry);
  const isDamaged = live === null || own.damagedLines > 0 || own.entries.size === 0;
  if (isDamaged && copy === null) {
    for (const { address, networkAddress } of backup?.devices ?? []) {
      if (networkAddress !== null && !all.has(address)) all.set(address, uninterviewed(address, networkAddress, all.size + 1));
    }
  }
  if (all.size === own.entries.size && own.damagedLines === 0) return null;
  const entries = new Map(withIds(all));
  const known = new Set(pairedIn(own));
  const paired = [...entries].filter(isPaired);
  return {
    text: [...entries.values()].map((entry) => JSON.stringify(entry)).join('\n'),
    devices: paired.length,
    recovered: paired.filter(([address]) => !known.has(address)).length,
  };
}
