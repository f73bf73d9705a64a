/**
 * What the hub reports without being asked, in `reported.alarms`:
 * - `tamper`: a node's tamper switch is open.
 * - `security_lost`: a node with an own key is not secured with it.
 * - `device_replaced`: another device answers at a node's address.
 * - `certificate_expires`: the hub's certificate ends within 30 days.
 * - `network_lost`: a Zigbee network was formed anew although one existed; its devices are lost unless it is restored. `node` is the bus.
 * - `taken_over`: another client connected with this hub's client id.
 * - `local_change`: a user with root rights on the hub changed something over the control socket.
 *
 * The first five stand until their cause is gone; the last two are moments.
 */
export const ALARM_KINDS = [
  'network_lost',
  'taken_over',
  'security_lost',
  'device_replaced',
  'tamper',
  'local_change',
  'certificate_expires',
] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** One alarm on the wire. Times are epoch milliseconds of the hub's clock. */
export interface Alarm {
  kind: AlarmKind;
  /** A node id, of a bus as a whole its id; null for the hub itself. Left out of the shadow when null, where null would delete the key. */
  node: string | null;
  /** When it was raised: for a moment the last time, for the others the first since they were gone for a day. */
  since: number;
  /** When its cause went; absent while it stands. It stays in the list for a day, so that a short one is seen too. */
  until?: number;
}

/** Where parts of the agent raise alarms. Both calls return at once and never throw. */
export interface Alarms {
  /** Raises an alarm, or renews the one of the same kind and node. `node`: a node id; null for the hub itself. */
  raise(kind: AlarmKind, node: string | null): void;
  /** The cause is gone. Nothing happens when no such alarm stands. */
  clear(kind: AlarmKind, node: string | null): void;
}
