import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

type Explanation = { message: string; remedy: string };
export type PemResult<T> = { ok: true; value: T } | { ok: false; problem: Explanation };

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;
const CERTIFICATE_LABELS = ['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'];

function failed<T>(message: string, remedy: string): PemResult<T> {
  return { ok: false, problem: { message, remedy } };
}

function blocks(text: string): { label: string; pem: string }[] {
  return [...text.matchAll(BLOCK)].map((match) => ({ label: match[1]!, pem: match[0] }));
}

/** What a file holds that has no block of the wanted kind. */
function missing<T>(text: string, wanted: string): PemResult<T> {
  const labels = blocks(text).map(({ label }) => label);
  if (labels.length > 0) return failed(`it holds ${labels.join(', ')}, not a ${wanted}`, 'Check whether two files were swapped.');
  if (text.includes('-----BEGIN ')) return failed('its PEM block has no end: the file was cut off', 'Copy the complete file.');
  return failed(`it is not a ${wanted} in PEM`, 'Convert it with openssl (-outform pem).');
}

/** All certificates of a PEM file, at least one. */
export function parseCertificates(text: string): PemResult<X509Certificate[]> {
  const found = blocks(text).filter(({ label }) => CERTIFICATE_LABELS.includes(label));
  if (found.length === 0) return missing(text, 'certificate');
  try {
    return { ok: true, value: found.map(({ pem }) => new X509Certificate(pem)) };
  } catch {
    return failed('its PEM block is damaged: it is no X.509 certificate', 'Copy the certificate again.');
  }
}

/** The first private key of a PEM file. Errors never quote the file. */
export function parsePrivateKey(text: string): PemResult<KeyObject> {
  const found = blocks(text).find(({ label }) => label.endsWith('PRIVATE KEY'));
  if (!found) return missing(text, 'private key');
  if (found.label.startsWith('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(found.pem)) {
    return failed(
      'it is protected by a passphrase, and nobody is there to type it',
      'Remove the passphrase with: openssl pkey -in OLD -out NEW',
    );
  }
  try {
    return { ok: true, value: createPrivateKey(found.pem) };
  } catch {
    return failed('its PEM block is damaged: it is no private key', 'Copy the key again.');
  }
}
