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
