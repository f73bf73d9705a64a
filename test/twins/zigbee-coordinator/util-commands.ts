import { concat, type Eui64, eui, u8, u16 } from './bytes.ts';
import { APP_CNF, STATUS, UTIL } from './commands.ts';
import type { Handler, Handlers } from './handlers.ts';
import type { KnownDevice } from './tables.ts';

/** Coordinator, router or end device: what the firmware can be. */
const DEVICE_TYPES = 7;
const NO_ADDRESS = 0xfffe;
const RELATION = { CHILD: 1, NONE: 0xff } as const;
/** An associated device as the C structure of a 32-bit machine. */
const ASSOCIATED_LENGTH = 36;
const COMMISSIONING = { FORMATION: 4, STEERING: 2 } as const;

const NOBODY: KnownDevice = { eui: 'ffffffffffffffff' as Eui64, nwk: NO_ADDRESS, child: false };

function associated(device: KnownDevice | undefined, index: number): Buffer {
  const { nwk } = device ?? NOBODY;
  const head = concat(u16(nwk, device ? index : NO_ADDRESS), u8(device ? RELATION.CHILD : RELATION.NONE, 0, 0, 0));
  return concat(head, Buffer.alloc(ASSOCIATED_LENGTH - head.length));
}

/** The subsystems UTIL and APP_CNF (MT, sections 3.11 and 3.1). */
export const UTIL_COMMANDS: Handlers = new Map<number, Handler>([
  [
    UTIL.GET_DEVICE_INFO,
    (_, { memory, state, subject }) => {
      const children = subject.children();
      return concat(u8(STATUS.SUCCESS), eui(memory.eui), u16(0), u8(DEVICE_TYPES, state, children.length), u16(...children));
    },
  ],
  [UTIL.LED_CONTROL, () => u8(STATUS.SUCCESS)],
  [UTIL.ASSOC_COUNT, (_, { subject }) => u16(subject.children().length)],
  [
    UTIL.ASSOC_FIND_DEVICE,
    (reader, { memory }) => {
      const index = reader.u8();
      return associated(memory.tables.devices().filter(({ child }) => child)[index], index);
    },
  ],
  [
    UTIL.ASSOC_GET_WITH_ADDRESS,
    (reader, { memory }) => {
      const [whom, nwk] = [reader.eui(), reader.u16()];
      const devices = memory.tables.devices();
      const index = devices.findIndex((one) => one.child && (one.eui === whom || one.nwk === nwk));
      const found = devices[index];
      return concat(u16(found?.nwk ?? NO_ADDRESS, found ? index : NO_ADDRESS), u8(found ? RELATION.CHILD : RELATION.NONE));
    },
  ],
  [
    UTIL.ASSOC_REMOVE,
    (reader, { memory }) => {
      const whom = reader.eui();
      const known = memory.tables.devices().find((one) => one.eui === whom);
      if (known) memory.tables.put({ ...known, child: false });
      return u8(known ? STATUS.SUCCESS : STATUS.FAILURE);
    },
  ],
  [
    UTIL.ASSOC_ADD,
    (reader, { memory }) => {
      const [whom, nwk, relation] = [reader.eui(), reader.u16(), reader.u8()];
      memory.tables.put({ eui: whom, nwk, child: relation === RELATION.CHILD });
      return u8(STATUS.SUCCESS);
    },
  ],
  [
    APP_CNF.BDB_SET_CHANNEL,
    (reader, stack) => {
      const [primary, mask] = [reader.u8(), reader.u32()];
      if (primary === 1) stack.channelMask = mask;
      return u8(STATUS.SUCCESS);
    },
  ],
  [
    APP_CNF.BDB_START_COMMISSIONING,
    (reader, stack) => {
      const mode = reader.u8();
      if (mode & COMMISSIONING.FORMATION) stack.form();
      if (mode & COMMISSIONING.STEERING) stack.permitJoin(180);
      return u8(mode & (COMMISSIONING.FORMATION | COMMISSIONING.STEERING) ? STATUS.SUCCESS : STATUS.INVALID_PARAMETER);
    },
  ],
]);
