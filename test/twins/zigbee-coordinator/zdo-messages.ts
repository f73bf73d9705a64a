import { concat, u8, u16 } from './bytes.ts';
import { ZDO } from './commands.ts';
import { CLUSTER, RESPONSE } from './zdo.ts';

/** The AREQ by which MT tells of a ZDO message in parsed form. */
export const PARSED: ReadonlyMap<number, number> = new Map([
  [CLUSTER.NWK_ADDR | RESPONSE, 0x4580],
  [CLUSTER.IEEE_ADDR | RESPONSE, 0x4581],
  [CLUSTER.NODE_DESC | RESPONSE, 0x4582],
  [CLUSTER.POWER_DESC | RESPONSE, 0x4583],
  [CLUSTER.SIMPLE_DESC | RESPONSE, 0x4584],
  [CLUSTER.ACTIVE_EP | RESPONSE, 0x4585],
  [CLUSTER.MATCH_DESC | RESPONSE, 0x4586],
  [CLUSTER.BIND | RESPONSE, 0x45a1],
  [CLUSTER.UNBIND | RESPONSE, 0x45a2],
  [CLUSTER.MGMT_LQI | RESPONSE, 0x45b1],
  [CLUSTER.MGMT_RTG | RESPONSE, 0x45b2],
  [CLUSTER.MGMT_BIND | RESPONSE, 0x45b3],
  [CLUSTER.MGMT_LEAVE | RESPONSE, 0x45b4],
  [CLUSTER.MGMT_PERMIT_JOIN | RESPONSE, 0x45b6],
  [CLUSTER.MGMT_NWK_UPDATE | RESPONSE, 0x45b8],
  [CLUSTER.DEVICE_ANNCE, ZDO.END_DEVICE_ANNCE_IND],
]);

/** Status, address of 64 bits, address of 16 bits. */
const ADDRESS_LENGTH = 11;

/** Its data: the source, then the message. Address responses have no source, and the count of devices and the start index change places. */
export function parsedBody(from: number, cluster: number, body: Buffer): Buffer {
  if (cluster !== (CLUSTER.NWK_ADDR | RESPONSE) && cluster !== (CLUSTER.IEEE_ADDR | RESPONSE)) return concat(u16(from), body);
  const [count, start] = [body[ADDRESS_LENGTH] ?? 0, body[ADDRESS_LENGTH + 1] ?? 0];
  return concat(body.subarray(0, ADDRESS_LENGTH), u8(start, count), body.subarray(ADDRESS_LENGTH + 2));
}
