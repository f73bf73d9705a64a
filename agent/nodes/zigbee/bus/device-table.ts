import type { Node } from '../../../contract/node.ts';
import type { Cancel, MonotonicClock, WallClock } from '../../../system/clock.ts';
import { messageOf } from '../../../system/errors.ts';
import type { Log } from '../../../system/log.ts';
import { type Known, nodeOf, strangerNode } from '../devices/node.ts';
import { type DeviceReadings, NO_READINGS, readingsAfter } from '../devices/readings.ts';
import type { ReadingsStore } from '../devices/readings-store.ts';
import { ASK_AFTER_SECONDS, powerOf } from '../devices/silence.ts';
import type { DeviceFacts, DeviceMessage } from '../process/words.ts';
import type { Stranger } from '../state/backup.ts';
import { createDroppedValues } from './dropped-values.ts';

export interface DeviceTableDeps {
  bus: string;
  store: ReadingsStore;
  /** Asks a device with mains power whether it is there. */
  ask(address: string): void;
  onNode(node: Node): void;
  onGone(address: string): void;
  clock: MonotonicClock;
  wallClock: WallClock;
  log: Log;
}

/** The paired devices, as far as they told something. Nothing here asks a device that may sleep. */
export interface DeviceTable {
  /** Reads what was reported before this start. Never throws. */
  load(): Promise<void>;
  linkUp(): void;
  /** What cannot be heard is not available. */
  linkDown(): void;
  device(facts: DeviceFacts): void;
  seen(address: string, at: number, linkQuality: number | null): void;
  message(message: DeviceMessage): void;
  left(address: string): void;
  /** Another network takes the place of this one. */
  clear(): void;
  parents(parents: ReadonlyMap<string, string>): void;
  /** Devices that only the coordinator knows. */
  strangers(devices: readonly Stranger[]): void;
  isPaired(address: string): boolean;
  /** What the coordinator alone knows of it; null: it is none of those. */
  stranger(address: string): Stranger | null;
  /** It was sent away. */
  strangerLeft(address: string): void;
  addresses(): string[];
  nodes(): Node[];
  /** Ends its timers and writes what is not written. */
  stop(): Promise<void>;
}

/** Silence has limits of many minutes: one look in a minute finds it. */
const LOOK_MS = 60_000;
/** Reports come at most that often to the disk. */
const WRITE_MS = 60_000;
/** More than a network has: the database was filled by something else. */
const MAX_DEVICES = 1_000;
/** More than a clock that runs is corrected by: it was set, as on a hub without a battery for it, some time after its start. */
const CLOCK_SET_MS = 60_000;

export function createDeviceTable({ bus, store, ask, onNode, onGone, clock, wallClock, log }: DeviceTableDeps): DeviceTable {
  const known = new Map<string, Known>();
  /** What was told last of that which a report or time alone changes. */
  const told = new Map<string, string>();
  const asked = new Map<string, number>();
  const dropped = createDroppedValues({ log });
  let remembered: ReadonlyMap<string, DeviceReadings> = new Map();
  let strangers: Stranger[] = [];
  let isUp = false;
  let cancelLook: Cancel = () => {};
  let cancelWrite: Cancel | null = null;
  let writing: Promise<void> = Promise.resolve();

  /** When it was heard, by the clock as it is now: that of a hub may be set years forward after a device was heard. */
  function withTime(device: Known): Known {
    const { facts, heardMs } = device;
    if (heardMs === null) return device;
    const lastSeen = wallClock.nowMs() - (clock.nowMs() - heardMs);
    return Math.abs(lastSeen - (facts.lastSeen ?? 0)) > CLOCK_SET_MS ? { ...device, facts: { ...facts, lastSeen } } : device;
  }

  const node = (device: Known) => nodeOf(bus, withTime(device), isUp, wallClock.nowMs());

  /** Without the times: a lock may say the same twenty times a second. Who asks for the nodes gets them as they are. */
  const standing = ({ available, tamper, powerFault, capabilities, zigbee }: Node) => {
    const values = Object.entries(zigbee?.readings ?? {}).map(([name, { value }]) => [name, value]);
    return JSON.stringify([available, tamper, powerFault, capabilities, values]);
  };
  const isNews = (device: Known) => told.get(device.facts.address) !== standing(node(device));

  function tell(device: Known): void {
    const now = node(device);
    told.set(device.facts.address, standing(now));
    onNode(now);
  }

  function write(): Promise<void> {
    cancelWrite?.();
    cancelWrite = null;
    const readings = new Map([...known].map(([address, device]) => [address, device.readings]));
    writing = writing
      .then(() => store.save(readings))
      .catch((error: unknown) =>
        log.warn({ event: 'zigbee_readings_not_saved', reason: messageOf(error) }, 'reports could not be written'),
      );
    return writing;
  }

  function change(address: string, next: (device: Known) => Known): void {
    const before = known.get(address);
    if (!before) return;
    const after = next(before);
    known.set(address, after);
    if (isNews(after)) tell(after);
  }

  function look(): void {
    const nowMs = wallClock.nowMs();
    for (const device of known.values()) {
      const { address, lastSeen } = withTime(device).facts;
      if (isNews(device)) tell(device);
      const askedMs = asked.get(address) ?? Number.NEGATIVE_INFINITY;
      const silentMs = Math.min(nowMs - (lastSeen ?? 0), clock.nowMs() - askedMs);
      if (isUp && powerOf(device.facts) === 'mains' && silentMs >= ASK_AFTER_SECONDS * 1000) {
        asked.set(address, clock.nowMs());
        ask(address);
      }
    }
    cancelLook = clock.schedule(LOOK_MS, look);
  }

  function left(address: string): void {
    if (!known.delete(address)) return;
    told.delete(address);
    asked.delete(address);
    dropped.forget(address);
    onGone(address);
  }

  return {
    async load() {
      remembered = await store.load();
    },

    linkUp() {
      isUp = true;
      cancelLook();
      look();
    },

    linkDown() {
      isUp = false;
      cancelLook();
      for (const device of known.values()) if (isNews(device)) tell(device);
    },

    device(facts) {
      const before = known.get(facts.address);
      if (!before && known.size >= MAX_DEVICES) return;
      const lastSeen = Math.max(facts.lastSeen ?? 0, before?.facts.lastSeen ?? 0) || null;
      const readings = before?.readings ?? remembered.get(facts.address) ?? NO_READINGS;
      const device: Known = {
        facts: { ...facts, lastSeen, linkQuality: facts.linkQuality ?? before?.facts.linkQuality ?? null },
        readings,
        firstSeen: before?.firstSeen ?? lastSeen,
        heardMs: before?.heardMs ?? null,
        parent: before?.parent ?? null,
      };
      known.set(facts.address, device);
      strangers = strangers.filter(({ address }) => address !== facts.address);
      tell(device);
    },

    seen(address, at, linkQuality) {
      const lastSeen = Math.min(at, wallClock.nowMs());
      change(address, (device) => ({
        ...device,
        heardMs: clock.nowMs(),
        firstSeen: device.firstSeen ?? lastSeen,
        facts: { ...device.facts, lastSeen, linkQuality: linkQuality ?? device.facts.linkQuality },
      }));
    },

    message(message) {
      const { address } = message;
      if (!known.has(address)) return;
      dropped.note(message);
      const at = Math.min(message.at, wallClock.nowMs());
      change(address, (device) => ({ ...device, readings: readingsAfter(device.readings, { ...message, at }) }));
      cancelWrite ??= clock.schedule(WRITE_MS, () => void write());
    },

    left,

    clear() {
      for (const address of [...known.keys()]) left(address);
      for (const { address } of strangers.splice(0)) onGone(address);
      remembered = new Map();
    },

    parents(parents) {
      for (const [address, parent] of parents) {
        const device = known.get(address);
        if (!device || device.parent === parent) continue;
        known.set(address, { ...device, parent });
        tell(known.get(address)!);
      }
    },

    strangers(devices) {
      const now = devices.filter(({ address }) => !known.has(address)).slice(0, MAX_DEVICES);
      const [before, after] = [strangers, now].map((each) => new Set(each.map(({ address }) => address))) as [Set<string>, Set<string>];
      for (const address of before) if (!after.has(address) && !known.has(address)) onGone(address);
      strangers = now;
      for (const address of after) if (!before.has(address)) onNode(strangerNode(bus, address));
    },

    strangerLeft(address) {
      if (!strangers.some((each) => each.address === address)) return;
      strangers = strangers.filter((each) => each.address !== address);
      onGone(address);
    },

    isPaired: (address) => known.has(address),
    stranger: (address) => strangers.find((each) => each.address === address) ?? null,
    addresses: () => [...known.keys()],
    nodes: () => [...[...known.values()].map(node), ...strangers.map(({ address }) => strangerNode(bus, address))],

    async stop() {
      cancelLook();
      if (cancelWrite) await write();
      await writing;
    },
  };
}
