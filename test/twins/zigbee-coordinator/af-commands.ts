import type { ApsFrame } from './air.ts';
import { createReader, eui, type Reader, u8 } from './bytes.ts';
import { AF, STATE, STATUS } from './commands.ts';
import type { Handler, Handlers } from './handlers.ts';
import type { Stack } from './stack.ts';
import { answerZdo, CLUSTER, RESPONSE, safely } from './zdo.ts';

/** The sender wants an acknowledgement of the device (MT, AF_DATA_REQUEST, options). */
const OPTION_ACK = 0x10;
const MODE = { GROUP: 1, SHORT: 2, EXTENDED: 3, BROADCAST: 15 } as const;
/** Addresses from here on are for many (R22, table 3-69). */
const FIRST_BROADCAST = 0xfff8;

/** A frame from the host to the air, and its confirmation. `nwk` null: a group. */
function transmit(stack: Stack, nwk: number | null, frame: ApsFrame, transaction: number): Buffer {
  const { radio, air } = stack;
  // ZDO owns endpoint 0; any other source must have been registered since the last reset.
  if (frame.from !== 0 && !stack.endpoints.has(frame.from)) return u8(STATUS.INVALID_PARAMETER);
  const confirm = (status: number): void => stack.notify(AF.DATA_CONFIRM, u8(status, frame.from, transaction));
  if (stack.state !== STATE.COORDINATOR) air.after(5, () => confirm(STATUS.NWK_INVALID_REQUEST));
  else if (nwk === 0) loopBack(stack, frame, confirm);
  else if (nwk === null || nwk >= FIRST_BROADCAST) {
    air.broadcast(radio, frame);
    if (frame.to === 0) ownAnswer(stack, frame);
    air.after(5, () => confirm(STATUS.SUCCESS));
  } else {
    air.deliver(radio, nwk, frame, confirm);
  }
  return u8(STATUS.SUCCESS);
}

function ownAnswer(stack: Stack, frame: ApsFrame): void {
  if (frame.cluster === CLUSTER.MGMT_NWK_UPDATE) return;
  const [sequence, body] = [frame.payload[0] ?? 0, frame.payload.subarray(1)];
  const answer = safely(() => answerZdo(stack.subject, frame.cluster, body));
  if (answer) stack.air.after(5, () => stack.zdoMessage(0, frame.cluster | RESPONSE, sequence, answer));
}

function loopBack(stack: Stack, frame: ApsFrame, confirm: (status: number) => void): void {
  if (frame.to === 0) ownAnswer(stack, frame);
  else stack.air.after(2, () => stack.radio.receive(0, frame, 255));
  stack.air.after(2, () => confirm(STATUS.SUCCESS));
}

/** The ZDO profile when it goes to endpoint 0, else that of the source's endpoint. */
const profileOf = (stack: Stack, from: number, to: number): number => (to === 0 ? 0 : (stack.endpoints.get(from)?.profile ?? 0x0104));

function dataRequest(reader: Reader, stack: Stack): Buffer {
  const [nwk, to, from, cluster] = [reader.u16(), reader.u8(), reader.u8(), reader.u16()];
  const [transaction, options] = [reader.u8(), reader.u8(), reader.u8()];
  const payload = reader.bytes(reader.u8());
  const frame = { profile: profileOf(stack, from, to), cluster, from, to, payload, acknowledged: (options & OPTION_ACK) !== 0 };
  return transmit(stack, nwk, frame, transaction);
}

function dataRequestExt(reader: Reader, stack: Stack): Buffer {
  const [mode, address, to] = [reader.u8(), reader.bytes(8), reader.u8()];
  reader.u16();
  const [from, cluster, transaction, options] = [reader.u8(), reader.u16(), reader.u8(), reader.u8()];
  reader.u8();
  const payload = reader.bytes(reader.u16());
  const frame = { profile: profileOf(stack, from, to), cluster, from, to, payload, acknowledged: (options & OPTION_ACK) !== 0 };
  if (mode === MODE.GROUP) return transmit(stack, null, frame, transaction);
  if (mode === MODE.SHORT || mode === MODE.BROADCAST) return transmit(stack, address.readUInt16LE(), frame, transaction);
  if (mode !== MODE.EXTENDED) return u8(STATUS.INVALID_PARAMETER);
  const whom = createReader(address).eui();
  const nwk = stack.memory.tables.devices().find((device) => device.eui === whom)?.nwk;
  return nwk === undefined && !eui(stack.memory.eui).equals(address)
    ? u8(STATUS.INVALID_PARAMETER)
    : transmit(stack, nwk ?? 0, frame, transaction);
}

const list = (reader: Reader): number[] => Array.from({ length: reader.u8() }, () => reader.u16());

/** The subsystem AF (MT, section 3.2). */
export const AF_COMMANDS: Handlers = new Map<number, Handler>([
  [
    AF.REGISTER,
    (reader, { endpoints }) => {
      const [endpoint, profile, device, version] = [reader.u8(), reader.u16(), reader.u16(), reader.u8()];
      reader.u8();
      if (endpoint === 0 || endpoint > 254 || endpoints.has(endpoint)) return u8(STATUS.FAILURE);
      endpoints.set(endpoint, { endpoint, profile, device, version, inClusters: list(reader), outClusters: list(reader) });
      return u8(STATUS.SUCCESS);
    },
  ],
  [AF.DELETE, (reader, { endpoints }) => u8(endpoints.delete(reader.u8()) ? STATUS.SUCCESS : STATUS.FAILURE)],
  [AF.DATA_REQUEST, dataRequest],
  [AF.DATA_REQUEST_EXT, dataRequestExt],
]);
