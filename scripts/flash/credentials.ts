import { createHash, createPublicKey } from 'node:crypto';
import { keyModeFault } from '../../agent/config/credentials.ts';
import { refusalFinding, type TlsProof } from '../../agent/config/tls-proof.ts';
import { type CredentialPart, validateCredentials } from '../../agent/config/validator.ts';
import { withRegularFile } from '../../agent/system/regular-file.ts';
import type { Secret } from '../../agent/system/secret.ts';
import type { ManifestRow } from './manifest.ts';
import type { RowProblem } from './problems.ts';

/** A hub's checked pair: PEM blocks made from what was validated, without the rest of the files. */
export interface HubCredentials {
  certificatePem: string;
  privateKeyPem: Secret;
  /** SHA-256 of the certificate and of the public key, for comparing. */
  certificateFingerprint: string;
  publicKeyFingerprint: string;
}

/** Where a hub's pair is taken from. */
export interface HubFiles extends ManifestRow {
  certificatePath: string;
  keyPath: string;
  /** What to do when there is no certificate, as a sentence. */
  missingCertificate: string;
}

const DAY_MS = 86_400_000;
const FIELDS: Record<CredentialPart, string> = { certificate: 'certificate', privateKey: 'key', authorities: '--config cloud.caPath' };

/** What the certificate is measured by: today, and how long it must last from now on. */
export interface Validity {
  now: Date;
  minDays: number;
  /** Null where there is no SDK for this machine: then the pair is not proven with it. */
  proof: TlsProof | null;
}

/** Reads and checks the pair of one hub, as the agent would, and every doubt counts. Null when it has problems; they are added to `problems`. */
export async function checkCredentials(hub: HubFiles, validity: Validity, problems: RowProblem[]): Promise<HubCredentials | null> {
  const before = problems.length;
  const report = (field: string, message: string, remedy: string) => problems.push({ row: hub.row, field, message, remedy });
  const read = (path: string, field: string, missing: string) =>
    withRegularFile(path, {}, async (file) => ({ data: await file.read(), mode: file.mode })).catch((error: NodeJS.ErrnoException) => {
      report(field, `${path} cannot be read (${error.code})`, error.code === 'ENOENT' ? missing : 'Check the path and its rights.');
      return null;
    });
  const certificate = await read(hub.certificatePath, 'certificate', hub.missingCertificate);
  const key = await read(hub.keyPath, 'key', 'Check the path, or make keys with --generate.');
  const texts = {
    certificate: certificate ? certificate.data.toString('utf8') : null,
    privateKey: key ? key.data.toString('utf8') : null,
    authorities: null,
  };
  const found = validateCredentials(texts, { now: validity.now });
  const paths = { certificate: hub.certificatePath, privateKey: hub.keyPath, authorities: '' };
  for (const { part, message, remedy } of found.findings) report(FIELDS[part], `${paths[part]}: ${message}`, remedy);
  const modeFault = key && keyModeFault(key.mode, hub.keyPath);
  if (modeFault) report('key', modeFault.message, modeFault.remedy);
  const { own } = found;
  if (own && own.validToDate > validity.now && own.validToDate.getTime() - validity.now.getTime() < validity.minDays * DAY_MS) {
    const message = `${hub.certificatePath}: it expires at ${own.validToDate.toISOString()}, in less than ${validity.minDays} days`;
    report('certificate', message, 'Have one issued that lasts longer, or set --min-days.');
  }
  if (!found.certificate || !found.privateKey || !own || !found.key || problems.length > before) return null;
  const refusal = await validity.proof?.({ certificate: found.certificate, privateKey: found.privateKey });
  if (refusal) {
    const { part, message, remedy } = refusalFinding(refusal);
    report(FIELDS[part], message, remedy);
    return null;
  }
  const publicKey = createPublicKey(found.key).export({ type: 'spki', format: 'der' });
  return {
    certificatePem: found.certificate,
    privateKeyPem: found.privateKey,
    certificateFingerprint: own.fingerprint256.replaceAll(':', '').toLowerCase(),
    publicKeyFingerprint: createHash('sha256').update(publicKey).digest('hex'),
  };
}
