import type { DownReason } from '../../contract/cloud.ts';
import { type ErrorCode, HubError, messageOf } from '../../system/errors.ts';
import { printable } from '../../system/printable.ts';
import type { Down } from './transport.ts';

/** The names of aws-crt's errors, as far as they decide something (aws-c-common, aws-c-io, aws-c-mqtt: error tables). */
const NETWORK = /DNS|SOCKET|NO_ROUTE|NETWORK|CONNECT(ION)?_REFUSED|HOST|AWS_IO_.*TIMEOUT|MQTT_TIMEOUT|CONNACK_TIMEOUT/;
const TLS = /TLS|CERT|PRIVATE_KEY|PKI|CIPHER/;

/** MQTT 5, section 3.14.2.1 (DISCONNECT reason codes). */
const NOT_AUTHORIZED = 0x87;
const KEEP_ALIVE_TIMEOUT = 0x8d;
const SESSION_TAKEN_OVER = 0x8e;
/** A packet of ours: malformed, against the protocol, its topic filter, topic name, topic alias, size, payload format, QoS, kind of subscription. */
const ACCUSING: ReadonlySet<number> = new Set([0x81, 0x82, 0x8f, 0x90, 0x94, 0x95, 0x99, 0x9b, 0x9e, 0xa1, 0xa2]);

/** The stable name of a library error, or its text. Rejections of the SDK can be strings (measured). */
function nameOf(error: unknown): string {
  if (typeof error === 'object' && error !== null) {
    const { error_name: name } = error as { error_name?: unknown };
    if (typeof name === 'string') return name;
  }
  return messageOf(error);
}

/**
 * The library forgets an endpoint's address 30 s after it failed. An attempt that falls there ends with this error in 1 to 6 ms, also for an IP
 * address, and has touched nothing; another one at once looks the name up again (measured, aws-crt 1.33). A name server that answers nothing
 * ends with it, too, but later.
 */
const NO_ADDRESS = 'AWS_IO_DNS_QUERY_FAILED';

/** Why a link did not come up. */
export function connectFailure(error: unknown, connackReason: number | undefined): Down {
  if (connackReason !== undefined) return { reason: 'refused', detail: `CONNACK 0x${connackReason.toString(16)}` };
  const detail = nameOf(error);
  const reason: DownReason = TLS.test(detail) ? 'tls' : NETWORK.test(detail) ? 'network' : 'closed';
  return { reason, detail, ...(detail === NO_ADDRESS && { unsent: true }) };
}

/** Why a link that was up ended. */
export function disconnection(error: unknown, disconnectReason: number | undefined): Down {
  if (disconnectReason !== undefined) {
    const detail = `DISCONNECT 0x${disconnectReason.toString(16)}`;
    if (disconnectReason === SESSION_TAKEN_OVER) return { reason: 'taken_over', detail };
    if (disconnectReason === NOT_AUTHORIZED) return { reason: 'unauthorized', detail };
    if (disconnectReason === KEEP_ALIVE_TIMEOUT) return { reason: 'keepalive', detail };
    return { reason: 'kicked', detail, ...(ACCUSING.has(disconnectReason) && { accuses: true }) };
  }
  const detail = nameOf(error);
  if (/PING/.test(detail)) return { reason: 'keepalive', detail };
  return { reason: 'closed', detail };
}

/** A rejected publish or subscribe. */
export function operationError(what: string, error: unknown): HubError {
  const name = nameOf(error);
  const code: ErrorCode = /TIMEOUT/.test(name) ? 'cloud_timeout' : 'cloud_disconnected';
  return new HubError(code, `${what}: ${name}`, { cause: error });
}

/** What the Shadow service says no with is for the log: bounded. */
const MAX_TEXT = 256;

/** A shadow request that the service rejected: `code` and `message` of its answer, which may be anything. */
export function shadowRefusal(what: string, { code, message }: { code?: unknown; message?: unknown }): HubError {
  const text = `${what}: ${textOf(code)} ${textOf(message)}`.trim();
  if (code === 409) return new HubError('shadow_conflict', text);
  if (code === 404) return new HubError('shadow_not_found', text);
  if (code === 413) return new HubError('shadow_too_large', text);
  if (code === 429) return new HubError('shadow_throttled', text);
  // 5xx: the service failed, before or after it had done the update.
  return new HubError(typeof code === 'number' && code >= 500 ? 'cloud_timeout' : 'cloud_refused', text);
}

const textOf = (value: unknown) =>
  typeof value === 'string' || typeof value === 'number' ? printable(String(value).slice(0, MAX_TEXT)) : '';

/** MQTT 5, section 2.4: a quota, such as one of the account, is exceeded. */
const QUOTA_EXCEEDED = 0x97;

/** Whether an acknowledgement says no because of a quota. */
export const isQuotaExceeded = (reasonCode: number | undefined) => reasonCode === QUOTA_EXCEEDED;

/** MQTT 5, section 2.4: unspecified, implementation specific, packet identifier in use, quota exceeded. Later it may work. */
const PASSING = new Set([0x80, 0x83, 0x91, QUOTA_EXCEEDED]);

/** The error of a PUBACK or SUBACK: null for a success (codes below 0x80). */
export function acknowledgementError(what: string, reasonCode: number | undefined): HubError | null {
  if (reasonCode === undefined || reasonCode < 0x80) return null;
  return new HubError(PASSING.has(reasonCode) ? 'cloud_timeout' : 'cloud_refused', `${what}: refused with 0x${reasonCode.toString(16)}`);
}
