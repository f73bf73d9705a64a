import { ClientTlsContext, TlsCipherPreference, TlsContextOptions } from 'aws-crt/dist/native/io.js';
import type { TlsCredentials } from '../../contract/tls.ts';
import { messageOf } from '../../system/errors.ts';

/**
 * TLS 1.2 and 1.3, 1.3 first, without CBC suites. On Linux this policy alone sets the oldest version: `min_tls_version` is accepted and changes
 * nothing (measured, aws-crt 1.33.1: with 1.3 as its minimum the SDK connects over 1.0).
 */
export const TLS_POLICY: TlsCipherPreference = TlsCipherPreference.TLSv1_2_2025_07;

function refusal(options: TlsContextOptions, authorities: string): string | null {
  options.override_default_trust_store(authorities);
  options.tls_cipher_preference = TLS_POLICY;
  try {
    new ClientTlsContext(options);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Makes the SDK's TLS context with credentials and lets it go: proves that the SDK can use them. Of the pair, or of the authorities alone.
 * About 5 ms of CPU time. Its trust store is always replaced: the system's own would take 1 MB for each context.
 */
export function tlsRefusal(
  credentials: Pick<TlsCredentials, 'authorities'> | Pick<TlsCredentials, 'certificate' | 'privateKey'>,
): { part: 'certificate' | 'authorities'; detail: string } | null {
  if ('authorities' in credentials) {
    const detail = refusal(new TlsContextOptions(), credentials.authorities);
    return detail === null ? null : { part: 'authorities', detail };
  }
  const { certificate, privateKey } = credentials;
  // The certificate stands in for the authorities: the SDK takes any certificate there.
  const detail = refusal(TlsContextOptions.create_client_with_mtls(certificate, privateKey.reveal()), certificate);
  return detail === null ? null : { part: 'certificate', detail };
}
