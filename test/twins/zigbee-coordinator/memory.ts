import { randomBytes } from 'node:crypto';
import { concat, createReader, type Eui64, eui, u8, u16, u32 } from './bytes.ts';
import { decodeNib, encodeNib, type Nib } from './nib.ts';
import { type Nv, openNv, osal } from './nv.ts';
import { createTables, type Tables } from './tables.ts';

/** Numbers of the OSAL NV items that mean something to the twin (Z-Stack, ZComDef.h); hosts may keep others. */
const ITEM = {
  EXTADDR: osal(0x01),
  STARTUP_OPTION: osal(0x03),
  NIB: osal(0x21),
  EXTENDED_PAN_ID: osal(0x2d),
  ACTIVE_KEY: osal(0x3a),
  ALTERNATE_KEY: osal(0x3b),
  APS_USE_EXT_PANID: osal(0x47),
  APS_LINK_KEY_TABLE: osal(0x4c),
  ON_A_NETWORK: osal(0x55),
  HOST_CONFIGURED: osal(0x60),
  PRECFGKEY: osal(0x62),
  PRECFGKEYS_ENABLE: osal(0x63),
  NWKKEY: osal(0x82),
  PANID: osal(0x83),
  CHANLIST: osal(0x84),
  LOGICAL_TYPE: osal(0x87),
  ZDO_DIRECT_CB: osal(0x8f),
  TCLK_SEED: osal(0x101),
} as const;

const ANY_PAN = 0xffff;
const NO_EUI: Eui64 = '0000000000000000';
/** The key descriptor: sequence number and key; with the frame counter, aligned: 24 bytes. */
const KEY_LENGTH = 16;
const NWKKEY_LENGTH = 24;
/** Count, then rows of six bytes. */
const APS_LINK_KEY_TABLE_LENGTH = 2 + 6 * 16;

/** A network as the coordinator runs it. */
export interface NetworkParameters extends Nib {
  /** 32 hexadecimal digits. */
  key: string;
}

/** What the stick remembers, as the firmware sees it. */
export interface Memory {
  readonly nv: Nv;
  readonly tables: Tables;
  readonly eui: Eui64;
  /** The network in it; null: none, or parts of it are missing. */
  network(): NetworkParameters | null;
  /** Makes a network from what the host wrote into PANID, APS_USE_EXT_PANID, PRECFGKEY and the channels. */
  form(channelMask: number): NetworkParameters;
  /** Writes a network with everything that belongs to it. */
  store(network: NetworkParameters): void;
  /** At each boot: obeys the startup options, and restores items that a host deleted. */
  boot(): void;
  /** As it left the factory. */
  blank(): void;
  /** Whether the host asked for parsed ZDO responses. */
  readonly directCallbacks: boolean;
}

export function openMemory(path: string, hardwareEui: Eui64, capacity: number): Memory {
  const nv = openNv(path);
  const tables = createTables(nv, capacity);

  const defaults = (): [string, Uint8Array][] => [
    [ITEM.EXTADDR, eui(hardwareEui)],
    [ITEM.STARTUP_OPTION, u8(0)],
    [ITEM.EXTENDED_PAN_ID, eui(NO_EUI)],
    [ITEM.APS_USE_EXT_PANID, eui(NO_EUI)],
    [ITEM.APS_LINK_KEY_TABLE, Buffer.alloc(APS_LINK_KEY_TABLE_LENGTH)],
    [ITEM.ON_A_NETWORK, u8(0)],
    [ITEM.PRECFGKEY, Buffer.alloc(KEY_LENGTH)],
    [ITEM.PRECFGKEYS_ENABLE, u8(1)],
    [ITEM.NWKKEY, Buffer.alloc(NWKKEY_LENGTH)],
    [ITEM.PANID, u16(ANY_PAN)],
    [ITEM.CHANLIST, u32(1 << 11)],
    [ITEM.LOGICAL_TYPE, u8(0)],
    [ITEM.ZDO_DIRECT_CB, u8(0)],
    [ITEM.TCLK_SEED, randomBytes(KEY_LENGTH)],
  ];

  function fillIn(): void {
    for (const [key, value] of defaults()) if (nv.get(key) === null) nv.set(key, value);
    if (!tables.made) tables.clear();
  }

  function clear(): void {
    for (const key of [ITEM.NIB, ITEM.ACTIVE_KEY, ITEM.ALTERNATE_KEY, ITEM.HOST_CONFIGURED]) nv.delete(key);
    // The address survives: only an erased flash goes back to the one of the hardware.
    for (const [key, value] of defaults()) if (key !== ITEM.EXTADDR) nv.set(key, value);
    tables.clear();
  }

  const memory: Memory = {
    nv,
    tables,
    get eui() {
      return createReader(nv.get(ITEM.EXTADDR) ?? eui(hardwareEui)).eui();
    },
    network() {
      const nib = decodeNib(nv.get(ITEM.NIB));
      const key = nv.get(ITEM.ACTIVE_KEY);
      if (!nib?.keyLoaded || nib.panId === ANY_PAN || nib.channel === 0 || key?.length !== KEY_LENGTH + 1) return null;
      return { ...nib, key: key.subarray(1).toString('hex') };
    },
    form(channelMask) {
      const wantedPan = nv.get(ITEM.PANID)?.readUInt16LE() ?? ANY_PAN;
      const wantedExtended = createReader(nv.get(ITEM.APS_USE_EXT_PANID) ?? eui(NO_EUI)).eui();
      const wantedKey = nv.get(ITEM.PRECFGKEY) ?? Buffer.alloc(KEY_LENGTH);
      const channels = Array.from({ length: 16 }, (_, index) => index + 11).filter((channel) => channelMask & (1 << channel));
      const network: NetworkParameters = {
        panId: wantedPan === ANY_PAN ? 1 + (randomBytes(2).readUInt16LE() % 0xfffd) : wantedPan,
        extendedPanId: wantedExtended === NO_EUI ? memory.eui : wantedExtended,
        channel: channels[0] ?? 11,
        channelList: channelMask,
        updateId: 0,
        keyLoaded: true,
        key: (wantedKey.some((byte) => byte !== 0) ? wantedKey : randomBytes(KEY_LENGTH)).toString('hex'),
      };
      memory.store(network);
      return network;
    },
    store(network) {
      const descriptor = concat(u8(0), Buffer.from(network.key, 'hex'));
      const counter = tables.frameCounter(network.extendedPanId);
      nv.set(ITEM.NIB, encodeNib(network, memory.eui));
      nv.set(ITEM.ACTIVE_KEY, descriptor);
      nv.set(ITEM.ALTERNATE_KEY, descriptor);
      nv.set(ITEM.NWKKEY, concat(descriptor, Buffer.alloc(3), u32(counter)));
      nv.set(ITEM.EXTENDED_PAN_ID, eui(network.extendedPanId));
      nv.set(ITEM.ON_A_NETWORK, u8(1));
      tables.storeFrameCounter(network.extendedPanId, counter);
    },
    boot() {
      const option = nv.get(ITEM.STARTUP_OPTION)?.[0] ?? 0;
      if (option & 3) clear();
      fillIn();
    },
    blank() {
      nv.erase();
      fillIn();
      tables.clear();
    },
    get directCallbacks() {
      return nv.get(ITEM.ZDO_DIRECT_CB)?.[0] === 1;
    },
  };
  return memory;
}
