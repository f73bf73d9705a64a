import type { KeyObject, X509Certificate } from 'node:crypto';
import type { CredentialReason } from '../contract/tls.ts';
import { Secret } from '../system/secret.ts';
import { certificateDoubts, isNoAuthority, isUsableAuthority, keyFault, publicKeyOf } from './kinds.ts';
import { type Explanation, type PemResult, parseCertificates, parsePrivateKey } from './pem.ts';

/** What mutual TLS needs, by the names of `TlsCredentials`. */
export type CredentialPart = 'certificate' | 'privateKey' | 'authorities';

/** What is wrong with one part. */
export interface CredentialFinding extends Explanation {
  part: CredentialPart;
  reason: CredentialReason;
}

/** The contents of the files; null for what is not there to be validated. */
export type CredentialTexts = Record<CredentialPart, string | null>;

export interface ValidationClock {
  /** The time of day. It may be far off on a hub without a battery-backed clock. */
  now: Date;
  /**
   * Whether the clock has been set from the network since boot; null when that is unknown. Left out: the clock is taken as it is. A hub
   * without a battery starts with the time of its image's build, or of its last stop: a certificate that seems to begin later is no fault then.
   */
  clockSynchronized?: boolean | null;
}

/** What the texts hold, in normal form: PEM blocks of one kind, made from what was parsed. Null for a part that could not be parsed. */
export interface ValidatedCredentials {
  findings: CredentialFinding[];
  certificate: string | null;
  privateKey: Secret | null;
  authorities: string | null;
  /** The hub's own certificate, and its key. */
  own: X509Certificate | null;
  key: KeyObject | null;
}

/** No hub with this agent was made before: a clock that shows less was never set. */
const EARLIEST_PLAUSIBLE_TIME = new Date('2025-01-01T00:00:00Z');

const iso = (date: Date) => date.toISOString().replace('.000Z', 'Z');

function isClockSet({ now, clockSynchronized = true }: ValidationClock): boolean {
  return clockSynchronized === true && now >= EARLIEST_PLAUSIBLE_TIME;
}

type Report = (reason: CredentialReason, explanation: Explanation) => void;

function checkValidity({ validFromDate: from, validToDate: to }: X509Certificate, clock: ValidationClock, report: Report): void {
  const period = `it is valid from ${iso(from)} to ${iso(to)}, and the clock shows ${iso(clock.now)}`;
  if (clock.now > to && clock.clockSynchronized !== false) {
    const remedy = 'Install a new certificate, or set the clock if it is wrong.';
    report('expired', { message: `the certificate has expired: ${period}`, remedy });
  } else if (clock.now >= from && clock.now <= to) return;
  else if (!isClockSet(clock)) {
    const remedy = 'Nothing to do if the hub gets its time from the network; the cloud cannot be reached before.';
    report('clock_unset', { message: `the clock is not set: ${period}`, remedy });
  } else {
    const remedy = 'Set the clock if it is wrong, or wait, or install another certificate.';
    report('not_yet_valid', { message: `the certificate is not valid yet: ${period}`, remedy });
  }
}

/** The hub's certificate first, then each one that issued the one before. */
function checkChain([own, ...issuers]: X509Certificate[], { now, clockSynchronized }: ValidationClock, report: Report): void {
  let last = own!;
  for (const issuer of issuers) {
    const issuerKey = publicKeyOf(issuer);
    if (!issuerKey || !last.checkIssued(issuer) || !last.verify(issuerKey)) {
      const message = 'its certificates are no chain: each must be issued by the next';
      report('chain_broken', { message, remedy: "Put the hub's own certificate first, then the one that issued it." });
      return;
    }
    if (now > issuer.validToDate && clockSynchronized !== false) {
      const remedy = 'Leave it out, or have the chain issued again.';
      report('chain_expired', { message: `a certificate of its chain expired at ${iso(issuer.validToDate)}`, remedy });
    }
    last = issuer;
  }
}

const NAME_ROOTS = "Name Amazon's root certificates.";

function checkAuthorities(
  all: X509Certificate[],
  own: X509Certificate | null,
  { now, clockSynchronized }: ValidationClock,
  report: Report,
): void {
  const isOwn = (one: X509Certificate) => own?.raw.equals(one.raw) === true;
  const others = all.filter((one) => !isOwn(one));
  const usable = others.filter(isUsableAuthority);
  const reason = usable.length === 0 ? 'authorities_unusable' : 'authority_unusable';
  if (others.length < all.length) {
    report(reason, { message: "it holds the hub's own certificate, which says nothing of the cloud's", remedy: NAME_ROOTS });
  }
  if (usable.length < others.length) {
    report(reason, { message: 'it holds an authority with a key that the AWS SDK cannot check', remedy: NAME_ROOTS });
  }
  if (usable.some(isNoAuthority)) {
    const message = 'it holds a certificate that is no authority (CA:FALSE): only a server with this very certificate is taken';
    report('authority_unusable', { message, remedy: NAME_ROOTS });
  }
  if (clockSynchronized !== false && all.every((authority) => now > authority.validToDate)) {
    const message = `every certificate authority in it has expired, and the clock shows ${iso(now)}`;
    report('authorities_expired', { message, remedy: 'Install the current authorities, or set the clock if it is wrong.' });
  }
}

function belongTogether(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    return false;
  }
}

/** DER of each, encoded again: nothing of a file's own spelling is left. */
const pemOf = (certificates: X509Certificate[]) => certificates.map((one) => `${one.toString().trimEnd()}\n`).join('');

/**
 * Validates certificate, key and authorities, for every reader alike: labels, kinds of key, signatures, chain, dates, and that the pair belongs
 * together. A part that is null is left out. Whether the SDK takes the result is proven apart (`TlsProof`). Never throws.
 */
export function validateCredentials(texts: CredentialTexts, clock: ValidationClock): ValidatedCredentials {
  const findings: CredentialFinding[] = [];
  const reportOn = (part: CredentialPart): Report => {
    return (reason, explanation) => findings.push({ part, reason, ...explanation });
  };
  function parsed<T>(part: CredentialPart, parse: (text: string) => PemResult<T>): T | null {
    const text = texts[part];
    if (text === null) return null;
    const result = parse(text);
    if (!result.ok) reportOn(part)('malformed', result.problem);
    else if (result.doubt) reportOn(part)('surplus', result.doubt);
    return result.ok ? result.value : null;
  }

  const chain = parsed('certificate', parseCertificates);
  const key = parsed('privateKey', parsePrivateKey);
  const authorities = parsed('authorities', parseCertificates);
  const own = chain?.[0] ?? null;
  if (chain && own) {
    const report = reportOn('certificate');
    checkValidity(own, clock, report);
    for (const doubt of certificateDoubts(own)) report('unsuitable', doubt);
    checkChain(chain, clock, report);
    const publicKey = publicKeyOf(own);
    const unread = { message: 'the public key in it is damaged, or of an unknown kind', remedy: 'Copy the certificate again.' };
    if (!publicKey) report('malformed', unread);
    const fault = publicKey && !key ? keyFault(publicKey) : null;
    if (fault) report('key_kind', fault);
  }
  if (key) {
    const report = reportOn('privateKey');
    const fault = keyFault(key);
    if (fault) report('key_kind', fault);
    if (own && !belongTogether(own, key)) {
      report('pair', { message: 'it does not belong to the certificate', remedy: 'Install the pair that was made together.' });
    }
  }
  if (authorities) checkAuthorities(authorities, own, clock, reportOn('authorities'));
  return {
    findings,
    certificate: chain && pemOf(chain),
    privateKey: key && new Secret(key.export({ type: 'pkcs8', format: 'pem' }) as string),
    authorities: authorities && pemOf(authorities),
    own,
    key,
  };
}
