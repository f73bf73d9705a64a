import { concat, createReader, type Eui64, eui, type Reader, u8, u16, u32 } from './bytes.ts';

/** Clusters of the Zigbee device profile (Zigbee specification R22, section 2.4). The response has bit 15 set. */
export const CLUSTER = {
  NWK_ADDR: 0x0000,
  IEEE_ADDR: 0x0001,
  NODE_DESC: 0x0002,
  POWER_DESC: 0x0003,
  SIMPLE_DESC: 0x0004,
  ACTIVE_EP: 0x0005,
  MATCH_DESC: 0x0006,
  DEVICE_ANNCE: 0x0013,
  BIND: 0x0021,
  UNBIND: 0x0022,
  MGMT_LQI: 0x0031,
  MGMT_RTG: 0x0032,
  MGMT_BIND: 0x0033,
  MGMT_LEAVE: 0x0034,
  MGMT_PERMIT_JOIN: 0x0036,
  MGMT_NWK_UPDATE: 0x0038,
} as const;
export const RESPONSE = 0x8000;

const STATUS = { SUCCESS: 0x00, DEVICE_NOT_FOUND: 0x81, NOT_ACTIVE: 0x83, NOT_SUPPORTED: 0x84, NO_ENTRY: 0x88 } as const;
const NEIGHBOURS_IN_ONE = 3;
const ROUTES_IN_ONE = 10;
const ENERGY_CHANNELS = 0x07fff800;

export interface SimpleDescriptor {
  endpoint: number;
  profile: number;
  device: number;
  version: number;
  inClusters: readonly number[];
  outClusters: readonly number[];
}

/** A row of a neighbour table. `relationship`: 0 parent, 1 child, 2 sibling, 3 none (R22, table 2-126). */
export interface Neighbour {
  eui: Eui64;
  nwk: number;
  /** 0 coordinator, 1 router, 2 end device. */
  type: number;
  rxOnWhenIdle: boolean;
  relationship: number;
  depth: number;
  lqi: number;
}

export interface Binding {
  endpoint: number;
  cluster: number;
  to: Eui64;
  toEndpoint: number;
}

/** Who answers a request of the device profile: a device, or the coordinator itself. */
export interface ZdoSubject {
  readonly eui: Eui64;
  readonly nwk: number;
  readonly extendedPanId: Eui64;
  readonly nodeDescriptor: Buffer;
  readonly powerDescriptor: number;
  endpoints(): readonly SimpleDescriptor[];
  children(): readonly number[];
  neighbours(): readonly Neighbour[];
  routes(): readonly { to: number; via: number }[];
  bindings: Binding[];
  leave(rejoin: boolean): void;
  permitJoin(seconds: number): void;
}

const list16 = (values: readonly number[]): Buffer => concat(u8(values.length), u16(...values));

function addressResponse(subject: ZdoSubject, reader: Reader): Buffer {
  const extended = reader.u8() === 1;
  const children = extended ? subject.children() : [];
  return concat(u8(STATUS.SUCCESS), eui(subject.eui), u16(subject.nwk), extended ? concat(u8(children.length, 0), u16(...children)) : u8());
}

function neighbour(row: Neighbour, extendedPanId: Eui64): Buffer {
  const bits = row.type | ((row.rxOnWhenIdle ? 1 : 0) << 2) | (row.relationship << 4);
  return concat(eui(extendedPanId), eui(row.eui), u16(row.nwk), u8(bits, 2, row.depth, row.lqi));
}

function page<T>(rows: readonly T[], start: number, most: number, encode: (row: T) => Buffer): Buffer {
  const part = rows.slice(start, start + most);
  return concat(u8(STATUS.SUCCESS, rows.length, start, part.length), ...part.map(encode));
}

function bindingOf(reader: Reader): (Binding & { from: Eui64 }) | null {
  const [from, endpoint, cluster, mode] = [reader.eui(), reader.u8(), reader.u16(), reader.u8()];
  return mode === 3 ? { from, endpoint, cluster, to: reader.eui(), toEndpoint: reader.u8() } : null;
}

const sameBinding = (a: Binding, b: Binding): boolean =>
  a.endpoint === b.endpoint && a.cluster === b.cluster && a.to === b.to && a.toEndpoint === b.toEndpoint;

/** The payload of the response, without the transaction number; null: no response to this one. @throws RangeError when the request is too short. */
export function answerZdo(subject: ZdoSubject, cluster: number, payload: Uint8Array): Buffer | null {
  const reader = createReader(payload);
  const found = (nwk: number): boolean => nwk === subject.nwk;
  switch (cluster) {
    case CLUSTER.NWK_ADDR:
      return reader.eui() === subject.eui ? addressResponse(subject, reader) : null;
    case CLUSTER.IEEE_ADDR:
      return found(reader.u16()) ? addressResponse(subject, reader) : null;
    case CLUSTER.NODE_DESC: {
      const nwk = reader.u16();
      return found(nwk) ? concat(u8(STATUS.SUCCESS), u16(nwk), subject.nodeDescriptor) : concat(u8(STATUS.DEVICE_NOT_FOUND), u16(nwk));
    }
    case CLUSTER.POWER_DESC: {
      const nwk = reader.u16();
      return found(nwk)
        ? concat(u8(STATUS.SUCCESS), u16(nwk), u16(subject.powerDescriptor))
        : concat(u8(STATUS.DEVICE_NOT_FOUND), u16(nwk));
    }
    case CLUSTER.ACTIVE_EP: {
      const nwk = reader.u16();
      const endpoints = found(nwk) ? subject.endpoints().map(({ endpoint }) => endpoint) : [];
      return concat(u8(found(nwk) ? STATUS.SUCCESS : STATUS.DEVICE_NOT_FOUND), u16(nwk), u8(endpoints.length, ...endpoints));
    }
    case CLUSTER.SIMPLE_DESC: {
      const [nwk, number] = [reader.u16(), reader.u8()];
      const one = subject.endpoints().find(({ endpoint }) => endpoint === number);
      if (!found(nwk) || !one) return concat(u8(found(nwk) ? STATUS.NOT_ACTIVE : STATUS.DEVICE_NOT_FOUND), u16(nwk), u8(0));
      const body = concat(u8(number), u16(one.profile, one.device), u8(one.version), list16(one.inClusters), list16(one.outClusters));
      return concat(u8(STATUS.SUCCESS), u16(nwk), u8(body.length), body);
    }
    case CLUSTER.MATCH_DESC: {
      const [nwk, profile] = [reader.u16(), reader.u16()];
      const wanted = [reader, reader].map(() => Array.from({ length: reader.u8() }, () => reader.u16()));
      const matches = subject
        .endpoints()
        .filter((one) => one.profile === profile)
        .filter((one) => wanted[0]!.some((id) => one.inClusters.includes(id)) || wanted[1]!.some((id) => one.outClusters.includes(id)));
      // A broadcast is answered by those that match.
      if (matches.length === 0 && !found(nwk)) return null;
      return concat(u8(STATUS.SUCCESS), u16(subject.nwk), u8(matches.length, ...matches.map(({ endpoint }) => endpoint)));
    }
    case CLUSTER.BIND:
    case CLUSTER.UNBIND: {
      const binding = bindingOf(reader);
      if (!binding || binding.from !== subject.eui) return u8(STATUS.NOT_SUPPORTED);
      const present = subject.bindings.some((one) => sameBinding(one, binding));
      if (cluster === CLUSTER.UNBIND && !present) return u8(STATUS.NO_ENTRY);
      const others = subject.bindings.filter((one) => !sameBinding(one, binding));
      const { from: _, ...kept } = binding;
      subject.bindings = cluster === CLUSTER.BIND ? [...others, kept] : others;
      return u8(STATUS.SUCCESS);
    }
    case CLUSTER.MGMT_LQI:
      return page(subject.neighbours(), reader.u8(), NEIGHBOURS_IN_ONE, (row) => neighbour(row, subject.extendedPanId));
    case CLUSTER.MGMT_RTG:
      return page(subject.routes(), reader.u8(), ROUTES_IN_ONE, ({ to, via }) => concat(u16(to), u8(0), u16(via)));
    case CLUSTER.MGMT_BIND:
      return page(subject.bindings, reader.u8(), NEIGHBOURS_IN_ONE, (one) =>
        concat(eui(subject.eui), u8(one.endpoint), u16(one.cluster), u8(3), eui(one.to), u8(one.toEndpoint)),
      );
    case CLUSTER.MGMT_LEAVE: {
      const whom = reader.eui();
      if (whom !== subject.eui && whom !== '0000000000000000') return u8(STATUS.DEVICE_NOT_FOUND);
      subject.leave((reader.u8() & 0x80) !== 0);
      return u8(STATUS.SUCCESS);
    }
    case CLUSTER.MGMT_PERMIT_JOIN:
      subject.permitJoin(reader.u8());
      return u8(STATUS.SUCCESS);
    case CLUSTER.MGMT_NWK_UPDATE: {
      const mask = reader.u32() & ENERGY_CHANNELS;
      const energies = Array.from({ length: 16 }, (_, index) => index + 11).filter((channel) => mask & (1 << channel));
      return concat(u8(STATUS.SUCCESS), u32(mask), u16(0, 0), u8(energies.length, ...energies.map((channel) => channel * 5)));
    }
    default:
      return u8(STATUS.NOT_SUPPORTED);
  }
}

/** Null for a message that is too short: it is dropped, as by the firmware. */
export function safely<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
