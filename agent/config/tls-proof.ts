import type { TlsCredentials } from '../contract/tls.ts';
import type { CredentialFinding } from './validator.ts';

/** Why the SDK's own TLS context refuses credentials; parts that are null are not checked. */
export interface TlsRefusal {
  part: 'certificate' | 'authorities';
  /** The SDK's words. */
  detail: string;
}

/**
 * Has the SDK make its TLS context with exactly what it would be given, as a port: the SDK is loaded only where something is to be proven.
 * Resolves with null when it takes everything. Rejects when there is no SDK for this machine.
 */
export type TlsProof = (
  credentials: Pick<TlsCredentials, 'authorities'> | Pick<TlsCredentials, 'certificate' | 'privateKey'>,
) => Promise<TlsRefusal | null>;

/** The refusal as a finding. */
export function refusalFinding({ part, detail }: TlsRefusal): CredentialFinding {
  const what = part === 'certificate' ? 'certificate and key' : 'authorities';
  const remedy = part === 'certificate' ? 'Have a P-256 pair issued.' : "Name Amazon's root certificates.";
  return { part, reason: 'sdk', message: `the AWS SDK cannot make a TLS context with these ${what} (${detail})`, remedy };
}
