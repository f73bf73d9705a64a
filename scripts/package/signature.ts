import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { writeNewFile } from '../../agent/system/new-file.ts';
import { gitWorkTreeOf } from '../git-work-tree.ts';

/** Ed25519 (RFC 8032): 64 bytes. */
const SIGNATURE_BYTES = 64;
const OTHERS_MODE_BITS = 0o077;

/** The name of a file's detached signature: the 64 bytes and nothing else, as openssl takes them too. */
export const signatureOf = (file: string) => `${file}.sig`;

/** A private key is committed sooner or later where it lies in a work tree. @throws Error */
async function checkPlace(path: string): Promise<void> {
  const workTree = await gitWorkTreeOf(dirname(resolve(path)));
  if (workTree !== null) throw new Error(`${path} lies in the git work tree ${workTree}. Keep the signing key outside of it.`);
}

/**
 * Makes a signing key at `path` (mode 0600) and its public half at `path`.pub. Neither replaces a file. A folder that is not there is made (0700).
 * @throws Error when one is there already, or when the place is a git work tree
 */
export async function generateSigningKey(path: string): Promise<void> {
  await checkPlace(path);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  try {
    await mkdir(dirname(resolve(path)), { recursive: true, mode: 0o700 });
    await writeNewFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  } catch (error) {
    throw new Error(`${path} cannot be made (${(error as NodeJS.ErrnoException).code}). A key that is there is not replaced.`);
  }
  try {
    await writeNewFile(`${path}.pub`, publicKey.export({ type: 'spki', format: 'pem' }) as string, { mode: 0o644 });
  } catch (error) {
    await rm(path, { force: true });
    throw new Error(`${path}.pub cannot be made (${(error as NodeJS.ErrnoException).code}). A key that is there is not replaced.`);
  }
}

function parsed(path: string, parse: () => KeyObject): KeyObject {
  let key: KeyObject | null = null;
  try {
    key = parse();
  } catch {
    // Told below, without a word of the file.
  }
  if (key?.asymmetricKeyType !== 'ed25519') throw new Error(`${path} is no Ed25519 key in PEM. Make one with --generate-key FILE.`);
  return key;
}

/**
 * The signing key, checked before anything is built with it.
 * @throws Error when it is no Ed25519 key, others can read it, it is no regular file or lies in a git work tree; nothing of it is quoted
 */
export async function readSigningKey(path: string): Promise<KeyObject> {
  await checkPlace(path);
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${path} cannot be read (${error.code}).`);
  });
  if (!found.isFile()) throw new Error(`${path} is not a regular file.`);
  if ((found.mode & OTHERS_MODE_BITS) !== 0) {
    throw new Error(`${path} has mode 0${(found.mode & 0o777).toString(8)}: others can get at it. Run: chmod 0600 ${path}`);
  }
  const pem = await readFile(path);
  return parsed(path, () => createPrivateKey(pem));
}

/** Signs a file and checks the signature with the public half. Gives the name of the signature. */
export async function signFile(file: string, key: KeyObject): Promise<string> {
  const data = await readFile(file);
  const signature = sign(null, data, key);
  if (!verify(null, data, createPublicKey(key), signature)) throw new Error(`The signature of ${file} does not verify.`);
  const path = signatureOf(file);
  await writeFile(`${path}.new`, signature, { mode: 0o644 });
  await rename(`${path}.new`, path);
  return path;
}

/** @throws Error that says why the file must not be installed: no signature, a damaged one, or one of another key or other bytes */
export async function verifyFile(file: string, publicKeyPath: string): Promise<void> {
  const read = (path: string) =>
    readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`${path} cannot be read (${error.code}).`);
    });
  const pem = await read(publicKeyPath);
  if (pem.includes('PRIVATE KEY'))
    throw new Error(`${publicKeyPath} is a private key. Name the public one; the private one stays where it signs.`);
  const key = parsed(publicKeyPath, () => createPublicKey(pem));
  const signature = await read(signatureOf(file));
  if (signature.length !== SIGNATURE_BYTES) {
    throw new Error(`${signatureOf(file)} has ${signature.length} bytes, a signature has ${SIGNATURE_BYTES}. Fetch it again.`);
  }
  if (!verify(null, await read(file), key, signature)) {
    throw new Error(`${file} is not what was signed with this key. Do not install it; fetch it and its signature again.`);
  }
}
