import { type Entries, finder } from './finding.ts';
import { SET_CLOCK } from './remedies.ts';

/** What can be wrong with the hub's certificate, as a look at its file and at the clock shows. Dates are `YYYY-MM-DD`. */
export interface CertificateParams {
  certificate_unnamed: object;
  /** `folder`: where the file belongs. `code`: of errno(3). */
  certificate_unreadable: { path: string; code: string; folder: string };
  /** In the words of the parser. */
  certificate_malformed: { path: string; message: string; remedy: string };
  certificate_expired: { until: string };
  certificate_not_yet_valid: { from: string };
  certificate_expires_soon: { days: number; until: string };
}

const NEXT = 'sudo hubctl doctor --check certificate';

export const CERTIFICATE: Entries<CertificateParams> = {
  certificate_unnamed: {
    severity: 'fail',
    text: () => 'identity.json names no certificate',
    remedy: () => 'Set certificatePath in identity.json.',
    next: NEXT,
  },
  certificate_unreadable: {
    severity: 'fail',
    text: ({ path, code }) => `the certificate ${path} cannot be read (${code})`,
    remedy: ({ folder }) => `Put it into ${folder}.`,
    next: NEXT,
  },
  certificate_malformed: {
    severity: 'fail',
    text: ({ path, message }) => `${path}: ${message}`,
    remedy: ({ remedy }) => remedy,
    next: NEXT,
  },
  certificate_expired: {
    severity: 'fail',
    text: ({ until }) => `it expired on ${until}`,
    remedy: () => 'Install a new certificate; check the clock first: timedatectl',
    next: NEXT,
  },
  certificate_not_yet_valid: {
    severity: 'fail',
    text: ({ from }) => `it is valid from ${from} on: the clock is behind, or the certificate is new`,
    remedy: () => SET_CLOCK,
    next: NEXT,
  },
  certificate_expires_soon: {
    severity: 'warn',
    text: ({ days, until }) => `it expires in ${days} days, on ${until}`,
    remedy: () => 'Install a new certificate before.',
    next: NEXT,
  },
};

export type CertificateCode = keyof CertificateParams;
export const certificateFinding = finder(CERTIFICATE);
