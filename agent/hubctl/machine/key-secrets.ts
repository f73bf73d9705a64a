import { createPrivateKey } from 'node:crypto';

/** Shorter lines than this say nothing of a key. */
const MIN_LINE = 16;

/** Numbers of a private key that reveal it in any container, in hex. */
function numbersOf(pem: string): string[] {
  try {
    const { d, p, q } = createPrivateKey(pem).export({ format: 'jwk' });
    return [d, p, q].flatMap((number) => (typeof number === 'string' ? [Buffer.from(number, 'base64url').toString('hex')] : []));
  } catch {
    return [];
  }
}

/** What reveals a private key in PEM: each of its lines alone, since it is wrapped, and its numbers. */
export const keySecrets = (pem: string): string[] => [
  ...pem.split('\n').filter((line) => line.length >= MIN_LINE && !line.startsWith('-----')),
  ...numbersOf(pem),
];
