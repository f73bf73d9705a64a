import { type Eui64, eui } from './bytes.ts';

/**
 * The network information base as Z-Stack 3.x.0 keeps it in NV item 0x21: a C structure of 116 bytes with 16-bit alignment (Z-Stack, nwk.h).
 * Offsets of the fields that hosts read and write.
 */
const AT = {
  securityLevel: 12,
  capabilityFlags: 14,
  transactionPersistence: 16,
  protocolVersion: 18,
  address: 22,
  channel: 24,
  coordinatorEui: 28,
  panId: 36,
  state: 38,
  channelList: 40,
  beaconOrder: 44,
  extendedPanId: 57,
  keyLoaded: 65,
  managerAddress: 110,
  updateId: 114,
} as const;
const LENGTH = 116;
/** NWK_ROUTER: also that of a running coordinator. */
const STATE_RUNNING = 8;
const SECURITY_LEVEL = 5;

/** What the twin needs of it. */
export interface Nib {
  panId: number;
  extendedPanId: Eui64;
  channel: number;
  /** A bit for each channel. */
  channelList: number;
  updateId: number;
  keyLoaded: boolean;
}

export function encodeNib(nib: Nib, coordinator: Eui64): Buffer {
  const out = Buffer.alloc(LENGTH);
  out.set([0, 5, 2, 20, 15, 20, 0, 30, 0, 3, 0, 1], 0);
  out[AT.securityLevel] = SECURITY_LEVEL;
  out[AT.capabilityFlags] = 0x8f;
  out.writeUInt16LE(7, AT.transactionPersistence);
  out.set([2, 13, 30], AT.protocolVersion);
  out.writeUInt16LE(0, AT.address);
  out[AT.channel] = nib.channel;
  out.set(eui(coordinator), AT.coordinatorEui);
  out.writeUInt16LE(nib.panId, AT.panId);
  out.writeUInt16LE(STATE_RUNNING, AT.state);
  out.writeUInt32LE(nib.channelList >>> 0, AT.channelList);
  out.set([15, 15, 4, 0], AT.beaconOrder);
  out.set(eui(nib.extendedPanId), AT.extendedPanId);
  out[AT.keyLoaded] = nib.keyLoaded ? 1 : 0;
  out.writeUInt16LE(0, AT.managerAddress);
  out[AT.updateId] = nib.updateId;
  return out;
}

/** Null for an item of another length: the firmware would not start from it either. */
export function decodeNib(data: Buffer | null): Nib | null {
  if (data?.length !== LENGTH) return null;
  return {
    panId: data.readUInt16LE(AT.panId),
    extendedPanId: Buffer.from(data.subarray(AT.extendedPanId, AT.extendedPanId + 8))
      .reverse()
      .toString('hex'),
    channel: data[AT.channel]!,
    channelList: data.readUInt32LE(AT.channelList),
    updateId: data[AT.updateId]!,
    keyLoaded: data[AT.keyLoaded] === 1,
  };
}
