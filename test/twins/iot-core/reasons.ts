/** Reason codes of MQTT 5 (2.4) that AWS IoT Core uses. */
export const REASON = {
  success: 0x00,
  noSubscriptionExisted: 0x11,
  unspecified: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  unsupportedVersion: 0x84,
  clientIdInvalid: 0x85,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  qosNotSupported: 0x9b,
  subscriptionIdsNotSupported: 0xa1,
} as const;

/** A client's DISCONNECT with which it asks for its will (MQTT 5, 3.14.2.1). */
export const DISCONNECT_WITH_WILL = 0x04;

/** AWS's `disconnectReason` of lifecycle events ("Lifecycle events" in the developer guide). */
export type DisconnectReason =
  | 'AUTH_ERROR'
  | 'CLIENT_INITIATED_DISCONNECT'
  | 'CLIENT_ERROR'
  | 'CONNECTION_LOST'
  | 'DUPLICATE_CLIENTID'
  | 'FORBIDDEN_ACCESS'
  | 'MQTT_KEEP_ALIVE_TIMEOUT'
  | 'SERVER_ERROR'
  | 'SERVER_INITIATED_DISCONNECT'
  | 'THROTTLED';

/** Why a connection ends. `code` goes out in a DISCONNECT to MQTT 5 clients; null: the socket just closes. */
export interface Ending {
  reason: DisconnectReason;
  code: number | null;
  text: string;
}

const V3_UNACCEPTABLE_VERSION = 1;
const V3_IDENTIFIER_REJECTED = 2;
const V3_SERVER_UNAVAILABLE = 3;

/** The MQTT 3.1.1 return code for a refused CONNECT; null where AWS closes the connection without a CONNACK. */
export function v3ReturnCode(code: number): number | null {
  if (code === REASON.unsupportedVersion) return V3_UNACCEPTABLE_VERSION;
  if (code === REASON.clientIdInvalid) return V3_IDENTIFIER_REJECTED;
  if (code === REASON.quotaExceeded || code === REASON.serverUnavailable) return V3_SERVER_UNAVAILABLE;
  return null;
}
