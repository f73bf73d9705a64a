import { CREDENTIAL_WEIGHTS, type CredentialReason, type TlsCredentials } from '../contract/tls.ts';
import type { Files } from '../system/files.ts';
import type { Paths } from '../system/paths.ts';
import { octal } from '../system/units.ts';
import { type Environment, isServiceCredential } from './paths.ts';
import type { Explanation } from './pem.ts';
import type { ConfigProblem } from './problems.ts';
import { readText } from './read.ts';
import { refusalFinding, type TlsProof } from './tls-proof.ts';
import { type CredentialPart, type ValidationClock, validateCredentials } from './validator.ts';

/** A file to check, and where it is named: problems point there. */
export interface CredentialFile {
  path: string;
  file: string;
  field: string;
}

export interface CredentialsDeps extends ValidationClock {
  files: Pick<Files, 'read'>;
  env: Environment;
  /** The mode of the key file. */
  paths: Pick<Paths, 'facts'>;
  /** Proves with the SDK what is right by all else. Left out: it is not proven, as at a start, where the SDK's own attempt does it. */
  proof?: TlsProof;
}

export interface CredentialsReport {
  problems: ConfigProblem[];
  /** What does not stop the agent: it is logged. */
  warnings: ConfigProblem[];
  /** What was read and validated, once, to be used as it is; null for a part that has a problem. */
  credentials: { [Part in CredentialPart]: TlsCredentials[Part] | null };
  /** The end of the hub's certificate; null when there is none to read. */
  expiresAt: Date | null;
}

/** Any right for the group or for others. */
const OTHERS_MODE_BITS = 0o077;
/** The mode of a key that only its owner reads, said of one that others can read too; null when it is as it should be. */
export function keyModeFault(mode: number, path: string): Explanation | null {
  if ((mode & OTHERS_MODE_BITS) === 0) return null;
  return { message: `the private key ${path} has mode ${octal(mode)}: other users can get at it`, remedy: `Run: chmod 0600 ${path}` };
}

async function checkKeyMode(path: string, deps: CredentialsDeps): Promise<Explanation | null> {
  if (isServiceCredential(deps.env, path)) return null;
  return deps.paths.facts(path).then(
    ({ mode }) => keyModeFault(mode, path),
    () => null,
  );
}

/**
 * Checks what mutual TLS needs: certificate, key and authorities can be read, are valid (`validateCredentials`), the SDK takes them, and only their
 * owner can read the key. A file that is null is left out (its path is already known to be wrong). Never throws.
 */
export async function checkCredentials(
  at: { certificate: CredentialFile | null; privateKey: CredentialFile | null; ca: CredentialFile | null },
  deps: CredentialsDeps,
): Promise<CredentialsReport> {
  const places: Record<CredentialPart, CredentialFile | null> = {
    certificate: at.certificate,
    privateKey: at.privateKey,
    authorities: at.ca,
  };
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  const bad = new Set<CredentialPart>();
  const add = (part: CredentialPart, reason: CredentialReason, { message, remedy }: Explanation) => {
    const { file, field } = places[part]!;
    const isFault = CREDENTIAL_WEIGHTS[reason] === 'fault';
    (isFault ? problems : warnings).push({ file, field, message, remedy, reason });
    if (isFault) bad.add(part);
  };
  /** The same, for an explanation that does not name the file. */
  const addOf = (part: CredentialPart, reason: CredentialReason, { message, remedy }: Explanation) =>
    add(part, reason, { message: `${places[part]!.path}: ${message}`, remedy });

  const parts = Object.keys(places) as CredentialPart[];
  const read = await Promise.all(parts.map(async (part) => (places[part] ? readText(deps.files, places[part].path) : null)));
  const texts: Record<CredentialPart, string | null> = { certificate: null, privateKey: null, authorities: null };
  for (const [index, part] of parts.entries()) {
    const found = read[index];
    if (found?.ok) texts[part] = found.text;
    else if (found) addOf(part, 'unreadable', found.problem);
  }
  const found = validateCredentials(texts, deps);
  for (const { part, reason, ...explanation } of found.findings) addOf(part, reason, explanation);
  if (places.privateKey && found.privateKey) {
    const fault = await checkKeyMode(places.privateKey.path, deps);
    if (fault) add('privateKey', 'open', fault);
  }

  const { certificate, privateKey, authorities } = found;
  const pair = certificate && privateKey && !bad.has('certificate') && !bad.has('privateKey') ? { certificate, privateKey } : null;
  for (const part of [pair, authorities && !bad.has('authorities') ? { authorities } : null]) {
    const refusal = part && (await deps.proof?.(part));
    if (refusal) addOf(refusal.part, 'sdk', refusalFinding(refusal));
  }
  const good = <T>(part: CredentialPart, value: T | null) => (bad.has(part) ? null : value);
  return {
    problems,
    warnings,
    credentials: {
      certificate: good('certificate', certificate),
      privateKey: good('privateKey', privateKey),
      authorities: good('authorities', authorities),
    },
    expiresAt: found.own?.validToDate ?? null,
  };
}
