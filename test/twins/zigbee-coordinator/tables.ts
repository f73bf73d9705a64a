import { concat, createReader, type Eui64, eui, u8, u16, u32 } from './bytes.ts';
import { extended, type Nv } from './nv.ts';

/**
 * Tables of Z-Stack 3.x.0 in its extended NV: an item of its own for each row (Z-Stack: AddrMgr.h, APSMEDE.h, ZDSecMgr.h), with the padding of a
 * 32-bit machine.
 */
const ITEM = { ADDRESSES: 1, LINK_KEYS: 4, KEY_DATA: 6, SECURITY_MATERIAL: 7 } as const;

/** Rows of the security material; the last one is for every network. */
const SECURITY_ROWS = 4;
const ANY_NETWORK: Eui64 = 'ffffffffffffffff';
const NO_NETWORK: Eui64 = '0000000000000000';

const EMPTY_ADDRESS = Buffer.from('00ffffff0000000000000000', 'hex');
const EMPTY_LINK_KEY = Buffer.alloc(20);
const EMPTY_KEY_DATA = Buffer.alloc(24);
/** Users of an address (Z-Stack: ADDRMGR_USER_ASSOC, ADDRMGR_USER_SECURITY). */
const USER = { ASSOCIATED: 1, SECURITY: 2 } as const;
const KEY_VERIFIED = 2;

/** A device that the coordinator knows. */
export interface KnownDevice {
  eui: Eui64;
  nwk: number;
  /** It hangs on the coordinator itself. */
  child: boolean;
}

/** The typed view of these tables. */
export interface Tables {
  /** The rows exist. */
  readonly made: boolean;
  /** Writes empty rows; the frame counter of the stick survives in the row for every network. */
  clear(): void;
  devices(): KnownDevice[];
  /** Adds or changes a device, with its link key. @throws Error when the table is full. */
  put(device: KnownDevice): void;
  remove(address: Eui64): void;
  hasLinkKey(address: Eui64): boolean;
  /** The frame counter stored for this network, else the one for every network. */
  frameCounter(extendedPanId: Eui64): number;
  storeFrameCounter(extendedPanId: Eui64, counter: number): void;
}

/** `capacity`: rows for devices; a real CC2652 has some hundreds, which makes a host's backup slow. */
export function createTables(nv: Nv, capacity: number): Tables {
  const rows = Array.from({ length: capacity }, (_, index) => index);
  const securityRows = Array.from({ length: SECURITY_ROWS }, (_, index) => index);

  const address = (row: number): KnownDevice | null => {
    const data = nv.get(extended(ITEM.ADDRESSES, row));
    if (data?.length !== EMPTY_ADDRESS.length) return null;
    const reader = createReader(data);
    const user = reader.u16() & 0xff;
    const nwk = reader.u16();
    return user === 0 ? null : { nwk, eui: reader.eui(), child: (user & USER.ASSOCIATED) !== 0 };
  };
  const linkKeyOwner = (row: number): Eui64 | null => {
    const data = nv.get(extended(ITEM.LINK_KEYS, row));
    if (data?.length !== EMPTY_LINK_KEY.length) return null;
    const owner = createReader(data.subarray(8)).eui();
    return owner === NO_NETWORK ? null : owner;
  };
  const material = (row: number): { counter: number; network: Eui64 } => {
    const data = nv.get(extended(ITEM.SECURITY_MATERIAL, row));
    if (data?.length !== 12) return { counter: 0, network: NO_NETWORK };
    const reader = createReader(data);
    return { counter: reader.u32(), network: reader.eui() };
  };
  const setMaterial = (row: number, counter: number, network: Eui64): void =>
    nv.set(extended(ITEM.SECURITY_MATERIAL, row), concat(u32(counter), eui(network)));

  return {
    get made() {
      return nv.get(extended(ITEM.ADDRESSES, capacity - 1)) !== null;
    },
    clear() {
      const highest = Math.max(0, ...securityRows.map((row) => material(row).counter));
      for (const row of rows) {
        nv.set(extended(ITEM.ADDRESSES, row), EMPTY_ADDRESS);
        nv.set(extended(ITEM.LINK_KEYS, row), EMPTY_LINK_KEY);
        nv.set(extended(ITEM.KEY_DATA, row), EMPTY_KEY_DATA);
      }
      for (const row of securityRows) setMaterial(row, 0, NO_NETWORK);
      setMaterial(SECURITY_ROWS - 1, highest, ANY_NETWORK);
    },
    devices: () => rows.map(address).filter((device) => device !== null),
    put(device) {
      const row = rows.find((at) => address(at)?.eui === device.eui) ?? rows.find((at) => address(at) === null);
      if (row === undefined) throw new Error(`the address table holds ${capacity} devices`);
      const user = USER.SECURITY | (device.child ? USER.ASSOCIATED : 0);
      nv.set(extended(ITEM.ADDRESSES, row), concat(u8(user, 0xff), u16(device.nwk), eui(device.eui)));
      if (rows.some((at) => linkKeyOwner(at) === device.eui)) return;
      const free = rows.find((at) => linkKeyOwner(at) === null)!;
      nv.set(extended(ITEM.LINK_KEYS, free), concat(u32(0, 0), eui(device.eui), u8(KEY_VERIFIED, 0, free % 16, 0)));
    },
    remove(gone) {
      for (const row of rows) {
        if (address(row)?.eui === gone) nv.set(extended(ITEM.ADDRESSES, row), EMPTY_ADDRESS);
        if (linkKeyOwner(row) === gone) nv.set(extended(ITEM.LINK_KEYS, row), EMPTY_LINK_KEY);
      }
    },
    hasLinkKey: (owner) => rows.some((row) => linkKeyOwner(row) === owner),
    frameCounter(extendedPanId) {
      const own = securityRows.map(material).find(({ network }) => network === extendedPanId);
      return (own ?? securityRows.map(material).find(({ network }) => network === ANY_NETWORK))?.counter ?? 0;
    },
    storeFrameCounter(extendedPanId, counter) {
      const row = securityRows.find((at) => material(at).network === extendedPanId) ?? 0;
      setMaterial(row, counter, extendedPanId);
    },
  };
}
