import type { TlsProof } from '../config/tls-proof.ts';

/** The proof by the SDK's own TLS context. The SDK is loaded by the first one: who proves nothing starts without it. */
export const proveTls: TlsProof = async (credentials) => {
  const { tlsRefusal } = await import('../cloud/connection/tls-context.ts');
  return tlsRefusal(credentials);
};
