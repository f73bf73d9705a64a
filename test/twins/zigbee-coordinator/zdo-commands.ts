import { concat, eui, type Reader, u8, u16 } from './bytes.ts';
import { STATE, STATUS, ZDO } from './commands.ts';
import type { Handler, Handlers } from './handlers.ts';
import type { Stack } from './stack.ts';
import { answerZdo, CLUSTER, RESPONSE, safely } from './zdo.ts';

const FIRST_BROADCAST = 0xfff8;
/** ZDO_STARTUP_FROM_APP (MT, section 3.12). */
const STARTUP = { RESTORED: 0, NEW: 1 } as const;
/** The duration by which Mgmt_NWK_Update_req asks for another channel (R22, section 2.4.3.3.9). */
const CHANGE_CHANNEL = 0xfe;
/** ZDO_EXT_ROUTE_CHK: there is no route. */
const NO_ROUTE = 4;

/** Sends a request of the device profile, to the air or to the stack itself; its responses come as AREQ. */
function request(stack: Stack, nwk: number, cluster: number, body: Buffer): Buffer {
  const { air, radio } = stack;
  const sequence = Math.floor(air.clock.nowMs()) & 0xff;
  const everywhere = nwk >= FIRST_BROADCAST;
  if (nwk === 0 || everywhere) {
    const answer = safely(() => answerZdo(stack.subject, cluster, body));
    if (answer) air.after(2, () => stack.zdoMessage(0, cluster | RESPONSE, sequence, answer));
  }
  if (nwk === 0 || stack.state !== STATE.COORDINATOR) return u8(nwk === 0 ? STATUS.SUCCESS : STATUS.NWK_INVALID_REQUEST);
  const frame = { profile: 0, cluster, from: 0, to: 0, payload: concat(u8(sequence), body) };
  if (everywhere) air.broadcast(radio, frame);
  else air.deliver(radio, nwk, frame, () => {});
  return u8(STATUS.SUCCESS);
}

/** Where MT puts the destination first, and the rest is the message. */
const toDestination =
  (cluster: number): Handler =>
  (reader, stack) =>
    request(stack, reader.u16(), cluster, reader.rest());

/** Who has this address? By broadcast, so the device that has it answers, wherever it is. */
function addressRequest(cluster: number, reader: Reader, stack: Stack): Buffer {
  const body = reader.rest();
  if (cluster === CLUSTER.IEEE_ADDR) return request(stack, body.readUInt16LE(), cluster, body);
  const whom = body.subarray(0, 8);
  const device = stack.air.stations().find((one) => eui(one.eui).equals(whom) && stack.air.coordinatorOf(one) === stack.radio);
  if (eui(stack.memory.eui).equals(whom)) return request(stack, 0, cluster, body);
  return device?.membership ? request(stack, device.membership.nwk, cluster, body) : u8(STATUS.SUCCESS);
}

function permitJoin(reader: Reader, stack: Stack): Buffer {
  reader.u8();
  return request(stack, reader.u16(), CLUSTER.MGMT_PERMIT_JOIN, reader.rest());
}

function networkUpdate(reader: Reader, stack: Stack): Buffer {
  const [nwk] = [reader.u16(), reader.u8()];
  const body = reader.rest();
  const [mask, duration] = [body.readUInt32LE(), body[4]!];
  if (duration !== CHANGE_CHANNEL) return request(stack, nwk, CLUSTER.MGMT_NWK_UPDATE, body);
  const channel = Array.from({ length: 16 }, (_, index) => index + 11).find((one) => mask & (1 << one));
  if (channel === undefined) return u8(STATUS.INVALID_PARAMETER);
  stack.air.after(20, () => stack.moveTo(channel));
  return u8(STATUS.SUCCESS);
}

/** The subsystem ZDO (MT, section 3.12). */
export const ZDO_COMMANDS: Handlers = new Map<number, Handler>([
  [ZDO.NWK_ADDR_REQ, (reader, stack) => addressRequest(CLUSTER.NWK_ADDR, reader, stack)],
  [ZDO.IEEE_ADDR_REQ, (reader, stack) => addressRequest(CLUSTER.IEEE_ADDR, reader, stack)],
  [ZDO.NODE_DESC_REQ, toDestination(CLUSTER.NODE_DESC)],
  [ZDO.POWER_DESC_REQ, toDestination(CLUSTER.POWER_DESC)],
  [ZDO.SIMPLE_DESC_REQ, toDestination(CLUSTER.SIMPLE_DESC)],
  [ZDO.ACTIVE_EP_REQ, toDestination(CLUSTER.ACTIVE_EP)],
  [ZDO.MATCH_DESC_REQ, toDestination(CLUSTER.MATCH_DESC)],
  [ZDO.BIND_REQ, toDestination(CLUSTER.BIND)],
  [ZDO.UNBIND_REQ, toDestination(CLUSTER.UNBIND)],
  [ZDO.MGMT_LQI_REQ, toDestination(CLUSTER.MGMT_LQI)],
  [ZDO.MGMT_RTG_REQ, toDestination(CLUSTER.MGMT_RTG)],
  [ZDO.MGMT_BIND_REQ, toDestination(CLUSTER.MGMT_BIND)],
  [ZDO.MGMT_LEAVE_REQ, toDestination(CLUSTER.MGMT_LEAVE)],
  [ZDO.MGMT_PERMIT_JOIN_REQ, permitJoin],
  [ZDO.MGMT_NWK_UPDATE_REQ, networkUpdate],
  [ZDO.STARTUP_FROM_APP, (_, stack) => u8(stack.resume() ? STARTUP.RESTORED : STARTUP.NEW)],
  [ZDO.MSG_CB_REGISTER, (reader, { callbacks }) => u8(callbacks.add(reader.u16()) ? STATUS.SUCCESS : STATUS.FAILURE)],
  [ZDO.MSG_CB_REMOVE, (reader, { callbacks }) => u8(callbacks.delete(reader.u16()) ? STATUS.SUCCESS : STATUS.FAILURE)],
  [ZDO.EXT_ROUTE_DISC, () => u8(STATUS.SUCCESS)],
  [ZDO.EXT_ROUTE_CHK, (reader, { air, radio }) => u8(air.find(radio, reader.u16()) ? STATUS.SUCCESS : NO_ROUTE)],
  [
    ZDO.EXT_FIND_GROUP,
    (reader, { groups }) => {
      const [endpoint, group] = [reader.u8(), reader.u16()];
      return concat(u8(groups.get(endpoint)?.has(group) ? STATUS.SUCCESS : STATUS.FAILURE), u16(group), u8(0));
    },
  ],
  [
    ZDO.EXT_ADD_GROUP,
    (reader, { groups }) => {
      const [endpoint, group] = [reader.u8(), reader.u16()];
      groups.set(endpoint, (groups.get(endpoint) ?? new Set()).add(group));
      return u8(STATUS.SUCCESS);
    },
  ],
  [
    ZDO.EXT_NWK_INFO,
    (_, stack) => {
      const network = stack.radio.network();
      const [panId, extendedPanId, channel] = [
        network?.panId ?? 0xffff,
        network?.extendedPanId ?? '0000000000000000',
        network?.channel ?? 0,
      ];
      return concat(u16(0), u8(stack.state), u16(panId, 0), eui(extendedPanId), Buffer.alloc(8), u8(channel));
    },
  ],
]);
