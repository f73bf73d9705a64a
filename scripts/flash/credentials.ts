import { createHash, createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { type PemResult, parseCertificates, parsePrivateKey } from '../../agent/config/pem.ts';
import { readRegularFile } from '../../agent/system/regular-file.ts';
import { Secret } from '../../agent/system/secret.ts';
import type { ManifestRow } from './manifest.ts';
import type { RowProblem } from './problems.ts';

/** A hub's checked pair. */
export interface HubCredentials {
  certificatePem: string;
  privateKeyPem: Secret;
  /** SHA-256 of the certificate and of the public key, for comparing. */
  certificateFingerprint: string;
  publicKeyFingerprint: string;
}

const DAY_MS = 86_400_000;
const OTHERS_MODE_BITS = 0o077;
/** What AWS IoT takes: RSA of at least 2048 bits, and the NIST curves. */
const MIN_RSA_BITS = 2048;
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

/** What the certificate is measured by: today, and how long it must last from now on. */
export interface Validity {
  now: Date;
  minDays: number;
}

type Report = (field: 'certificate' | 'key', message: string, remedy: string) => void;

async function load<T>(path: string, field: 'certificate' | 'key', report: Report, parse: (text: string) => PemResult<T>) {
  const text = await readRegularFile(path).then(String, (error: NodeJS.ErrnoException) => {
    report(field, `${path} cannot be read (${error.code})`, 'Check the path and its rights.');
    return null;
  });
  if (text === null) return null;
  const parsed = parse(text);
  if (parsed.ok) return { text, value: parsed.value };
  report(field, `${path}: ${parsed.problem.message}`, parsed.problem.remedy);
  return null;
}

function checkCertificate(certificate: X509Certificate, { now, minDays }: Validity, report: Report): void {
  const { validFromDate: from, validToDate: to } = certificate;
  if (certificate.ca) report('certificate', 'it is the certificate of an authority', "Name the hub's own certificate.");
  if (now < from) report('certificate', `it is valid from ${from.toISOString()} only`, 'Check the clock of this machine, or wait.');
  if (now > to) report('certificate', `it expired at ${to.toISOString()}`, 'Have a new one issued.');
  else if (to.getTime() - now.getTime() < minDays * DAY_MS) {
    report(
      'certificate',
      `it expires at ${to.toISOString()}, in less than ${minDays} days`,
      'Have one issued that lasts longer, or set --min-days.',
    );
  }
}

function checkKey(key: KeyObject, report: Report): void {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const isStrong = key.asymmetricKeyType === 'rsa' ? modulusLength >= MIN_RSA_BITS : CURVES.includes(namedCurve);
  if (!isStrong)
    report('key', `AWS IoT takes no key of this kind (${key.asymmetricKeyType} ${modulusLength || namedCurve})`, 'Make a P-256 key.');
}

/** Reads and checks the pair of one hub. Null when it has problems; they are added to `problems`. */
export async function checkCredentials(
  hub: ManifestRow & { certificatePath: string; keyPath: string },
  validity: Validity,
  problems: RowProblem[],
): Promise<HubCredentials | null> {
  const before = problems.length;
  const report: Report = (field, message, remedy) => problems.push({ row: hub.row, field, message, remedy });
  const certificate = await load(hub.certificatePath, 'certificate', report, parseCertificates);
  const key = await load(hub.keyPath, 'key', report, parsePrivateKey);
  const own = certificate?.value[0];
  if (own) checkCertificate(own, validity, report);
  if (key) {
    checkKey(key.value, report);
    const mode = (await stat(hub.keyPath)).mode & 0o777;
    if ((mode & OTHERS_MODE_BITS) !== 0) {
      report('key', `${hub.keyPath} has mode 0${mode.toString(8)}: others can get at it`, `Run: chmod 0600 ${hub.keyPath}`);
    }
  }
  if (own && key && !own.checkPrivateKey(key.value))
    report('key', 'it does not belong to the certificate', 'Name the pair that was made together.');
  if (!certificate || !key || !own || problems.length > before) return null;
  const publicKey = createPublicKey(key.value).export({ type: 'spki', format: 'der' });
  return {
    certificatePem: certificate.text,
    privateKeyPem: new Secret(key.text),
    certificateFingerprint: own.fingerprint256.replaceAll(':', '').toLowerCase(),
    publicKeyFingerprint: createHash('sha256').update(publicKey).digest('hex'),
  };
}
