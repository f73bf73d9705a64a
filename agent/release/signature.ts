import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/** Ed25519 (RFC 8032): 64 bytes, in base64. */
const SIGNATURE = /^[A-Za-z0-9+/]{86}==$/;

/** A public key in PEM; null for what is no Ed25519 key. */
export function trustedKey(pem: Buffer): KeyObject | null {
  // createPublicKey would make one of a private key too: that has no place on a hub.
  if (pem.includes('PRIVATE KEY')) return null;
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : null;
  } catch {
    return null;
  }
}

/** The keys of these folders, as `*.pem`. What is none, or cannot be read, is left out. @throws what `list` throws */
export async function trustedKeys(
  files: { list(folder: string): Promise<string[]>; read(path: string): Promise<Buffer | null> },
  folders: readonly string[],
): Promise<KeyObject[]> {
  const keysIn = async (folder: string) => {
    const names = (await files.list(folder)).filter((name) => name.endsWith('.pem'));
    const pems = await Promise.all(names.map((name) => files.read(`${folder}/${name}`).catch(() => null)));
    return pems.flatMap((pem) => (pem && trustedKey(pem)) ?? []);
  };
  return (await Promise.all(folders.map(keysIn))).flat();
}

/** Whether one of the trusted keys signed these bytes. */
export function isSigned(manifest: string, signature: string, keys: readonly KeyObject[]): boolean {
  const text = signature.trim();
  if (!SIGNATURE.test(text)) return false;
  const bytes = Buffer.from(text, 'base64');
  return keys.some((key) => verify(null, Buffer.from(manifest), key, bytes));
}
