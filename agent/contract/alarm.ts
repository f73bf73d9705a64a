/**
 * What the cloud is told without asking (contract, "Alarms"):
 * - `tamper`: a node's tamper switch is open. Stands until the node reports it closed.
 * - `security_lost`: a node that was secured answers without its secure channel. Stands until the channel is back.
 * - `device_replaced`: another device answers at a node's address.
 * - `taken_over`: another client connected with this hub's client id.
 * - `local_change`: somebody with root on the hub changed something over the control socket.
 * - `certificate_expires`: the hub's certificate ends within 30 days. Stands until it is changed.
 */
export type AlarmKind = 'tamper' | 'security_lost' | 'device_replaced' | 'taken_over' | 'local_change' | 'certificate_expires';

/** Where parts of the agent raise alarms. Both calls return at once and never throw. */
export interface Alarms {
  /** Raises an alarm, or renews the one of the same kind and node. `node`: a node id; null for the hub itself. */
  raise(kind: AlarmKind, node: string | null): void;
  /** The cause is gone. Nothing happens when no such alarm stands. */
  clear(kind: AlarmKind, node: string | null): void;
}
