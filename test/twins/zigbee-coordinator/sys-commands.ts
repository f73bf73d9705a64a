import { randomBytes } from 'node:crypto';
import { concat, eui, type Reader, u8, u16, u32 } from './bytes.ts';
import { STATUS, SYS } from './commands.ts';
import type { Handler, Handlers } from './handlers.ts';
import { extended, type Nv, type NvKey, osal } from './nv.ts';

/** What the firmware was built with: SYS, AF, ZDO, UTIL, green power and application configuration (seen on a CC2652). */
const CAPABILITIES = 0x0659;
/** Transport 2, product 1 (Z-Stack 3.x.0), 2.7.1, revision 20220219, and a boot loader of which nothing is known. */
const VERSION = concat(u8(2, 1, 2, 7, 1), u32(20_220_219), u8(0), u32(0xffffffff));
/** The most that one response carries. */
const CHUNK = 246;
/** Of an item that is made by SYS_NV_CREATE. */
const ERASED = 0xff;

const itemOf = (reader: Reader): NvKey => {
  const [system, item, sub] = [reader.u8(), reader.u16(), reader.u16()];
  // System 1 is the stack; 0 is the legacy memory by another name.
  return system === 1 ? extended(item, sub) : osal(sub);
};

function readNv(nv: Nv, key: NvKey, offset: number, most = CHUNK): Buffer {
  const value = nv.get(key);
  if (value === null || offset > value.length) return u8(STATUS.INVALID_PARAMETER, 0);
  const part = value.subarray(offset, offset + Math.min(most, CHUNK));
  return concat(u8(STATUS.SUCCESS, part.length), part);
}

function writeNv(nv: Nv, key: NvKey, offset: number, data: Buffer): Buffer {
  const value = nv.get(key);
  if (value === null) return u8(STATUS.INVALID_PARAMETER);
  if (offset + data.length > value.length) return u8(STATUS.NV_BAD_ITEM_LEN);
  value.set(data, offset);
  nv.set(key, value);
  return u8(STATUS.SUCCESS);
}

function deleteNv(nv: Nv, key: NvKey, length?: number): Buffer {
  const value = nv.get(key);
  if (value === null) return u8(STATUS.NV_ITEM_UNINIT);
  if (length !== undefined && length !== value.length) return u8(STATUS.NV_BAD_ITEM_LEN);
  nv.delete(key);
  return u8(STATUS.SUCCESS);
}

/** The subsystem SYS (MT, section 3.8), and the extended NV of Z-Stack 3.x.0. */
export const SYS_COMMANDS: Handlers = new Map<number, Handler>([
  [SYS.PING, () => u16(CAPABILITIES)],
  [SYS.VERSION, () => VERSION],
  [SYS.GET_EXTADDR, (_, { memory }) => eui(memory.eui)],
  [SYS.RANDOM, () => randomBytes(2)],
  [SYS.STACK_TUNE, (reader) => reader.bytes(2).subarray(1)],
  [SYS.SET_TX_POWER, (reader) => reader.bytes(1)],
  [
    SYS.RESET_REQ,
    (reader, stack) => {
      reader.u8();
      stack.reboot(0);
      return null;
    },
  ],
  [SYS.OSAL_NV_LENGTH, (reader, { memory }) => u16(memory.nv.get(osal(reader.u16()))?.length ?? 0)],
  [SYS.OSAL_NV_READ, (reader, { memory }) => readNv(memory.nv, osal(reader.u16()), reader.u8())],
  [SYS.OSAL_NV_READ_EXT, (reader, { memory }) => readNv(memory.nv, osal(reader.u16()), reader.u16())],
  [SYS.OSAL_NV_WRITE, (reader, { memory }) => writeNv(memory.nv, osal(reader.u16()), reader.u8(), reader.bytes(reader.u8()))],
  [SYS.OSAL_NV_WRITE_EXT, (reader, { memory }) => writeNv(memory.nv, osal(reader.u16()), reader.u16(), reader.bytes(reader.u16()))],
  [
    SYS.OSAL_NV_ITEM_INIT,
    (reader, { memory }) => {
      const [key, length] = [osal(reader.u16()), reader.u16()];
      const value = reader.bytes(reader.u8());
      const present = memory.nv.get(key);
      if (present) return u8(present.length === length ? STATUS.SUCCESS : STATUS.NV_BAD_ITEM_LEN);
      if (length === 0 || value.length > length) return u8(STATUS.NV_OPER_FAILED);
      memory.nv.set(key, concat(value, Buffer.alloc(length - value.length, ERASED)));
      // The name of the status is misleading: it was not there, and is now.
      return u8(STATUS.NV_ITEM_UNINIT);
    },
  ],
  [SYS.OSAL_NV_DELETE, (reader, { memory }) => deleteNv(memory.nv, osal(reader.u16()), reader.u16())],
  [SYS.NV_LENGTH, (reader, { memory }) => u32(memory.nv.get(itemOf(reader))?.length ?? 0).subarray(0, 1)],
  [SYS.NV_READ, (reader, { memory }) => readNv(memory.nv, itemOf(reader), reader.u16(), reader.u8())],
  [SYS.NV_WRITE, (reader, { memory }) => writeNv(memory.nv, itemOf(reader), reader.u16(), reader.bytes(reader.u8()))],
  [
    SYS.NV_CREATE,
    (reader, { memory }) => {
      const [key, length] = [itemOf(reader), reader.u32()];
      if (memory.nv.get(key)) return u8(STATUS.SUCCESS);
      memory.nv.set(key, Buffer.alloc(length, ERASED));
      return u8(STATUS.NV_ITEM_UNINIT);
    },
  ],
  [SYS.NV_DELETE, (reader, { memory }) => deleteNv(memory.nv, itemOf(reader))],
]);
