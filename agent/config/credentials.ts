import type { KeyObject, X509Certificate } from 'node:crypto';
import { stat as statFile } from 'node:fs/promises';
import type { Files } from '../system/files.ts';
import { type Environment, isServiceCredential } from './paths.ts';
import { type PemResult, parseCertificates, parsePrivateKey } from './pem.ts';
import type { ConfigProblem } from './problems.ts';
import { readText } from './read.ts';

/** A file to check, and where it is named: problems point there. */
export interface CredentialFile {
  path: string;
  file: string;
  field: string;
}

export interface CredentialsDeps {
  files: Pick<Files, 'read'>;
  env: Environment;
  /** The time of day. It may be far off on a hub without a battery-backed clock. */
  now: Date;
  /**
   * Whether the clock has been set from the network since boot; null when nobody on the hub says. Left out: the clock is taken as it is. A hub
   * without a battery starts with the time of its image's build, or of its last stop: a certificate that seems to begin later is no fault then.
   */
  clockSynchronized?: boolean | null;
  /** Mode bits of a file; the default asks the file system. */
  stat?: (path: string) => Promise<{ mode: number }>;
}

export interface CredentialsReport {
  problems: ConfigProblem[];
  /** What does not stop the agent: it is logged. */
  warnings: ConfigProblem[];
  /** The end of the hub's certificate; null when there is none to read. */
  expiresAt: Date | null;
}

/** No hub with this agent was made before: a clock that shows less was never set. */
const EARLIEST_PLAUSIBLE_TIME = new Date('2025-01-01T00:00:00Z');
/** Any right for the group or for others. */
const OTHERS_MODE_BITS = 0o077;

const iso = (date: Date) => date.toISOString().replace('.000Z', 'Z');

function isClockSet({ now, clockSynchronized = true }: CredentialsDeps): boolean {
  return clockSynchronized === true && now >= EARLIEST_PLAUSIBLE_TIME;
}

async function checkKeyMode(key: CredentialFile, deps: CredentialsDeps): Promise<ConfigProblem[]> {
  if (isServiceCredential(deps.env, key.path)) return [];
  const stat = deps.stat ?? statFile;
  const mode = await stat(key.path).then(
    (found) => found.mode & 0o777,
    () => 0,
  );
  if ((mode & OTHERS_MODE_BITS) === 0) return [];
  const octal = mode.toString(8).padStart(4, '0');
  return [
    {
      ...place(key),
      message: `the private key ${key.path} has mode ${octal}: other users can get at it`,
      remedy: `Run: chmod 0600 ${key.path}`,
    },
  ];
}

function place({ file, field }: CredentialFile): { file: string; field: string } {
  return { file, field };
}

function checkValidity(certificate: X509Certificate, at: CredentialFile, deps: CredentialsDeps): Omit<CredentialsReport, 'expiresAt'> {
  const { validFromDate: from, validToDate: to } = certificate;
  const period = `${at.path} is valid from ${iso(from)} to ${iso(to)}, and the clock shows ${iso(deps.now)}`;
  if (deps.now > to && deps.clockSynchronized !== false) {
    const remedy = 'Install a new certificate, or set the clock if it is wrong.';
    return { problems: [{ ...place(at), message: `the certificate has expired: ${period}`, remedy }], warnings: [] };
  }
  if (deps.now >= from && deps.now <= to) return { problems: [], warnings: [] };
  if (!isClockSet(deps)) {
    const remedy = 'Nothing to do if the hub gets its time from the network; the cloud cannot be reached before.';
    return { problems: [], warnings: [{ ...place(at), message: `the clock is not set: ${period}`, remedy }] };
  }
  const remedy = 'Set the clock if it is wrong, or wait, or install another certificate.';
  return { problems: [{ ...place(at), message: `the certificate is not valid yet: ${period}`, remedy }], warnings: [] };
}

async function load<T>(
  at: CredentialFile | null,
  deps: CredentialsDeps,
  parse: (text: string) => PemResult<T>,
): Promise<{ value: T | null; problems: ConfigProblem[] }> {
  if (!at) return { value: null, problems: [] };
  const read = await readText(deps.files, at.path);
  const parsed = read.ok ? parse(read.text) : read;
  if (parsed.ok) return { value: parsed.value, problems: [] };
  const { message, remedy } = parsed.problem;
  return { value: null, problems: [{ ...place(at), message: `${at.path}: ${message}`, remedy }] };
}

function belongTogether(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    return false;
  }
}

/**
 * Checks what mutual TLS needs: certificate, key and authorities can be read and parsed, certificate and key belong together, the certificate
 * is valid now, and nobody else can read the key. A file that is null is left out (its path is already known to be wrong). Never throws.
 */
export async function checkCredentials(
  at: { certificate: CredentialFile | null; privateKey: CredentialFile | null; ca: CredentialFile | null },
  deps: CredentialsDeps,
): Promise<CredentialsReport> {
  const certificates = await load(at.certificate, deps, parseCertificates);
  const key = await load(at.privateKey, deps, parsePrivateKey);
  const authorities = await load(at.ca, deps, parseCertificates);
  const problems = [...certificates.problems, ...key.problems, ...authorities.problems];
  const warnings: ConfigProblem[] = [];

  const own = certificates.value?.[0];
  if (at.certificate && own) {
    const validity = checkValidity(own, at.certificate, deps);
    problems.push(...validity.problems);
    warnings.push(...validity.warnings);
    if (at.privateKey && key.value && !belongTogether(own, key.value)) {
      const message = `the private key ${at.privateKey.path} does not belong to the certificate ${at.certificate.path}`;
      problems.push({ ...place(at.privateKey), message, remedy: 'Install the pair that was made together.' });
    }
  }
  if (at.ca && deps.clockSynchronized !== false && authorities.value?.every((authority) => deps.now > authority.validToDate)) {
    const message = `every certificate authority in ${at.ca.path} has expired, and the clock shows ${iso(deps.now)}`;
    problems.push({ ...place(at.ca), message, remedy: 'Install the current authorities, or set the clock if it is wrong.' });
  }
  if (at.privateKey && key.value) problems.push(...(await checkKeyMode(at.privateKey, deps)));
  return { problems, warnings, expiresAt: own?.validToDate ?? null };
}
