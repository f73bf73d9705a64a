import type { KeyObject, X509Certificate } from 'node:crypto';
import type { Explanation } from './pem.ts';

/**
 * AWS IoT developer guide, "Client certificates": RSA keys of at least 2048 bits, and the NIST curves P-256, P-384 and P-521. The SDK fails with
 * Ed25519, Ed448 and brainpool keys when it makes its TLS context, with P-224 and secp256k1 in the handshake (measured, aws-crt 1.33).
 */
const MIN_RSA_BITS = 2048;
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

/** The same guide, "Certificate signing algorithms supported by AWS IoT": SHA-256, SHA-384 or SHA-512 with RSA, RSASSA-PSS or ECDSA. */
const SIGNATURES = /^(?:sha(?:256|384|512)WithRSAEncryption|ecdsa-with-SHA(?:256|384|512)|rsassaPss)$/i;

/** Kinds of key whose signatures the SDK checks in the cloud's chain (measured by handshake, aws-crt 1.33; not Ed448, not DSA). */
const AUTHORITY_KEYS = ['rsa', 'rsa-pss', 'ec', 'ed25519'];

/** Extended key usages (RFC 5280, 4.2.1.12): client authentication, and any. */
const CLIENT_USAGES = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0'];

/** Why AWS IoT or its SDK takes no key of this kind; null when both do. For a private key or its public half. */
export function keyFault(key: KeyObject): Explanation | null {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const isTaken = key.asymmetricKeyType === 'rsa' ? modulusLength >= MIN_RSA_BITS : CURVES.includes(namedCurve);
  if (isTaken) return null;
  const kind = [key.asymmetricKeyType, modulusLength || namedCurve].filter(Boolean).join(' ');
  return { message: `AWS IoT takes no key of this kind (${kind})`, remedy: 'Have a pair issued with a P-256 key.' };
}

/** What makes a certificate a poor one for a hub, although the SDK connects with it. */
export function certificateDoubts(certificate: X509Certificate): Explanation[] {
  const doubts: Explanation[] = [];
  if (certificate.ca) doubts.push({ message: 'it is the certificate of an authority', remedy: "Name the hub's own certificate." });
  const signature = certificate.signatureAlgorithm ?? 'an unknown algorithm';
  if (!SIGNATURES.test(signature)) {
    doubts.push({
      message: `it is signed with ${signature}, which AWS IoT does not take`,
      remedy: 'Have it issued with SHA-256, by an authority with an RSA or ECDSA key.',
    });
  }
  const usages = certificate.keyUsage ?? [];
  if (usages.length > 0 && !usages.some((usage) => CLIENT_USAGES.includes(usage))) {
    doubts.push({ message: 'it is not made for clients (extended key usage)', remedy: 'Have one issued for client authentication.' });
  }
  return doubts;
}

/** The key in a certificate; null when it is damaged or of a kind that OpenSSL does not know: its parser of certificates does not look into it. */
export function publicKeyOf(certificate: X509Certificate): KeyObject | null {
  try {
    return certificate.publicKey;
  } catch {
    return null;
  }
}

/** Whether the SDK can check a chain that ends in this certificate. */
export function isUsableAuthority(certificate: X509Certificate): boolean {
  return AUTHORITY_KEYS.includes(publicKeyOf(certificate)?.asymmetricKeyType ?? '');
}

/** The identifier of the basic constraints (RFC 5280, 4.2.1.9) in DER. */
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex');

/**
 * Whether it says of itself that it is no authority. The SDK then takes the server that has this very certificate, and none that it issued (measured by
 * handshake, aws-crt 1.33). A root of version 1 says nothing, and the SDK checks with it.
 */
export function isNoAuthority(certificate: X509Certificate): boolean {
  return !certificate.ca && (certificate.issuer !== certificate.subject || certificate.raw.includes(BASIC_CONSTRAINTS));
}
