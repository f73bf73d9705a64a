import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, webcrypto } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolders } from '../../agent/system/folders.ts';
import { replaceFile } from './durable.ts';
import { type ManifestRow, thingNameOf } from './manifest.ts';

/** Where the keys that were made on the line lie, with what is asked of the authority and what comes back. */
export interface RequestFiles {
  privateKey: string;
  request: string;
  certificate: string;
}

export function requestFiles(output: string, hubId: string): RequestFiles {
  const folder = join(output, 'requests', hubId);
  return {
    privateKey: join(folder, 'private-key.pem'),
    request: join(folder, 'request.csr'),
    certificate: join(folder, 'certificate.pem'),
  };
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * Makes a P-256 key and a certificate request (PKCS#10, CN = Thing) for a hub. A key that is there is kept: a certificate may have been issued for it.
 * Gives whether anything was made.
 */
export async function generate(output: string, hub: ManifestRow): Promise<boolean> {
  const files = requestFiles(output, hub.hubId);
  const exists = (path: string) =>
    stat(path).then(
      () => true,
      () => false,
    );
  if ((await exists(files.privateKey)) && (await exists(files.request))) return false;
  const requests = join(output, 'requests');
  await makeFolders(requests, 0o700);
  await chmod(requests, 0o700);
  let key: KeyObject;
  if (await exists(files.privateKey)) key = createPrivateKey(await readFile(files.privateKey));
  else {
    key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
    await replaceFile(files.privateKey, key.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600);
  }
  await replaceFile(files.request, await certificateRequest(key, thingNameOf(hub)), 0o644);
  return true;
}

async function certificateRequest(key: KeyObject, commonName: string): Promise<string> {
  // The container of x509 asks for the functions of `Reflect`'s metadata when it is loaded.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const usable = async (format: 'pkcs8' | 'spki', data: KeyObject, usage: 'sign' | 'verify') =>
    webcrypto.subtle.importKey(
      format,
      data.export({ type: format, format: 'der' } as never) as unknown as Uint8Array<ArrayBuffer>,
      ALGORITHM,
      true,
      [usage],
    );
  const keys = { privateKey: await usable('pkcs8', key, 'sign'), publicKey: await usable('spki', createPublicKey(key), 'verify') };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: [{ CN: [commonName] }], keys, signingAlgorithm: ALGORITHM });
  return `${request.toString('pem')}\n`;
}
