import type { HealthFinding } from '../../health/finding.ts';
import { type ReachCode, reachFinding } from '../../health/reach.ts';

/** Why a step of the connectivity check failed. */
export type ReachFinding = HealthFinding<ReachCode>;

/** What is connected to. */
export interface Destination {
  host: string;
  port: number;
  /** The port that the agent tries when `port` does not answer; null: none. */
  fallbackPort: number | null;
}

/** Why a name has no address (getaddrinfo(3)). */
export function explainDns(code: string, host: string): ReachFinding {
  switch (code) {
    case 'ENOTFOUND':
      return reachFinding('dns_unknown_host', { host });
    case 'EAI_AGAIN':
    case 'ETIMEDOUT':
    case 'ETIMEOUT':
      return reachFinding('dns_no_server', { host });
    default:
      return reachFinding('dns_failed', { host, code });
  }
}

/** Why nothing can be reached: no default route (ip-route(8)). `what` failed for it. */
export const explainNoRoute = (what: string): ReachFinding => reachFinding('route_missing', { what });

/** What connect(2) answers when the packet did not leave the hub, or the network sent it back. */
const UNREACHABLE = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL'];

/** Whether a hub without a route would fail like this. */
export const isUnreachable = (code: string): boolean => UNREACHABLE.includes(code);

/** Why a TCP connection was not made (connect(2)). */
export function explainTcp(code: string, to: Destination): ReachFinding {
  switch (code) {
    case 'ECONNREFUSED':
      return reachFinding('tcp_refused', to);
    case 'ETIMEDOUT':
      return reachFinding('tcp_timed_out', to);
    case 'EHOSTUNREACH':
      return reachFinding('tcp_unreachable', to);
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return reachFinding('tcp_no_route', {});
    default:
      return reachFinding('tcp_failed', { ...to, code });
  }
}

/** OpenSSL's verification codes as Node names them. */
const VERIFICATION: Readonly<
  Record<string, 'tls_server_expired' | 'tls_server_not_yet_valid' | 'tls_server_untrusted' | 'tls_server_other_name'>
> = {
  CERT_HAS_EXPIRED: 'tls_server_expired',
  CERT_NOT_YET_VALID: 'tls_server_not_yet_valid',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_server_untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_server_untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_server_untrusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_server_untrusted',
  CERT_SIGNATURE_FAILURE: 'tls_server_untrusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_server_other_name',
};

type Rejection = 'tls_hub_rejected' | 'tls_hub_expired' | 'tls_hub_revoked';
/** Alerts of a server that does not take the client's certificate (RFC 8446, section 6.2), by their names in OpenSSL's codes. */
const ALERTS: Readonly<Record<string, Rejection>> = {
  HANDSHAKE_FAILURE: 'tls_hub_rejected',
  BAD_CERTIFICATE: 'tls_hub_rejected',
  UNSUPPORTED_CERTIFICATE: 'tls_hub_rejected',
  CERTIFICATE_REVOKED: 'tls_hub_revoked',
  CERTIFICATE_EXPIRED: 'tls_hub_expired',
  CERTIFICATE_UNKNOWN: 'tls_hub_rejected',
  UNKNOWN_CA: 'tls_hub_rejected',
  CERTIFICATE_REQUIRED: 'tls_hub_rejected',
};
/** The same by their numbers: an error of the system (EPROTO) carries the alert in its text alone, as `SSL alert number 42`. */
const NUMBERS: Readonly<Record<string, keyof typeof ALERTS>> = {
  40: 'HANDSHAKE_FAILURE',
  42: 'BAD_CERTIFICATE',
  43: 'UNSUPPORTED_CERTIFICATE',
  44: 'CERTIFICATE_REVOKED',
  45: 'CERTIFICATE_EXPIRED',
  46: 'CERTIFICATE_UNKNOWN',
  48: 'UNKNOWN_CA',
  116: 'CERTIFICATE_REQUIRED',
};

/** The alert about the hub's certificate behind an error; null: there is none. */
function rejectionOf(code: string, message: string): Rejection | null {
  const number = /SSL alert number (\d+)/.exec(message)?.[1] ?? '';
  const name = /_ALERT_([A-Z_]+)$/.exec(code)?.[1] ?? NUMBERS[number] ?? '';
  return Object.hasOwn(ALERTS, name) ? ALERTS[name]! : null;
}

/** Why a TLS handshake failed (OpenSSL's verification codes and alerts, as Node names them). */
export function explainTls(code: string, message: string, { host, port }: Pick<Destination, 'host' | 'port'>): ReachFinding {
  if (Object.hasOwn(VERIFICATION, code)) return reachFinding(VERIFICATION[code]!, {});
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return reachFinding('tls_key_mismatch', {});
  const rejection = rejectionOf(code, message);
  if (rejection !== null) return reachFinding(rejection, {});
  if (code === 'ETIMEDOUT') return reachFinding('tls_timed_out', { host });
  if (code === 'ECONNRESET' || code === 'EPIPE') return reachFinding('tls_cut', {});
  return reachFinding('tls_failed', { host, port, code });
}

/** Why a CONNECT was refused (MQTT 5, section 3.2.2.2; AWS IoT's use of the codes). */
export function explainConnack(reason: number): ReachFinding {
  switch (reason) {
    case 0x85:
      return reachFinding('mqtt_client_id', { reason });
    case 0x86:
    case 0x87:
      return reachFinding('mqtt_unauthorized', { reason });
    case 0x97:
      return reachFinding('mqtt_quota', { reason });
    case 0x9f:
      return reachFinding('mqtt_rate', { reason });
    case 0x88:
    case 0x89:
      return reachFinding('mqtt_unavailable', { reason });
    default:
      return reachFinding('mqtt_refused', { reason });
  }
}
