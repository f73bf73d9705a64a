import type { Secret } from '../system/secret.ts';
import { MQTT_ALPN } from './endpoint.ts';

/** What mutual TLS is made with: validated, in normal form (PEM blocks of one kind each), and nothing else. */
export interface TlsCredentials {
  /** The hub's certificate, its issuers after it when the file has them. */
  certificate: string;
  /** PKCS#8. */
  privateKey: Secret;
  /** The roots that the cloud's certificate is checked against. */
  authorities: string;
}

/**
 * Why certificate, key or authorities should not be used, and how much that matters. `fault`: the AWS SDK or AWS IoT cannot use them. `doubt`: they
 * work, and should not be put on a hub: they are refused where credentials are installed or flashed, and a warning at a start, which must not end
 * a hub that works. `clock`: it cannot be determined before the clock is set.
 */
export const CREDENTIAL_WEIGHTS = {
  unreadable: 'fault',
  malformed: 'fault',
  /** A key that other users can read. */
  open: 'fault',
  expired: 'fault',
  not_yet_valid: 'fault',
  clock_unset: 'clock',
  /** Of no kind that AWS IoT takes. */
  key_kind: 'fault',
  pair: 'fault',
  /** Refused by the SDK, although nothing else is wrong. */
  sdk: 'fault',
  authorities_unusable: 'fault',
  authorities_expired: 'fault',
  authority_unusable: 'doubt',
  chain_broken: 'doubt',
  chain_expired: 'doubt',
  /** Blocks in the file that do not belong there. */
  surplus: 'doubt',
  /** Not a certificate for a hub. */
  unsuitable: 'doubt',
} as const satisfies Readonly<Record<string, 'fault' | 'doubt' | 'clock'>>;
export type CredentialReason = keyof typeof CREDENTIAL_WEIGHTS;

/** The oldest version that any connection of the product takes. TLS 1.0 and 1.1 are deprecated (RFC 8996). */
export const MIN_TLS_VERSION = 'TLSv1.2';

/**
 * The cipher suites that the SDK offers under its policy `TLSv1_2_2025_07`, strongest version first (measured suite by suite, aws-crt 1.33).
 * A connection of Node that offers the same ones cannot succeed where the SDK fails.
 */
const CIPHER_SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

/** How Node connects to the MQTT endpoint: version, suites, trust and ALPN as the SDK does it. For `tls.connect`. */
export const MQTT_TLS = {
  minVersion: MIN_TLS_VERSION,
  maxVersion: 'TLSv1.3',
  ciphers: CIPHER_SUITES,
  /** The SDK trusts every certificate of the CA file, an intermediate one too (measured, aws-crt 1.33). */
  allowPartialTrustChain: true,
  ALPNProtocols: [MQTT_ALPN],
} satisfies import('node:tls').ConnectionOptions;
