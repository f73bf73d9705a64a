import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

/** What is wrong with a file, and what to do about it. Never quotes the file. */
export interface Explanation {
  message: string;
  remedy: string;
}

/** What a PEM file holds. `doubt`: it can be used, and should not be as it is. */
export type PemResult<T> = { ok: true; value: T; doubt: Explanation | null } | { ok: false; problem: Explanation };

interface Block {
  label: string;
  text: string;
}

/** Encapsulation boundaries stand alone on a line (RFC 7468, section 3). */
const BOUNDARY = /^\s*-----(BEGIN|END) ([^-\r\n]*)-----\s*$/;
const KEY_LABELS = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'];
/** Blocks that openssl writes beside a key, and that add nothing to it. */
const KEY_COMPANIONS = ['EC PARAMETERS', 'PUBLIC KEY'];
/** A label is printed only if it is one (RFC 7468): anything else may be a part of a key, or escapes. */
const PRINTABLE_LABEL = /^[A-Z0-9 ]{1,40}$/;

function failed<T>(message: string, remedy: string): PemResult<T> {
  return { ok: false, problem: { message, remedy } };
}

const nameOf = (label: string) => (PRINTABLE_LABEL.test(label) ? label : 'a block of an unknown kind');
const isDate = (date: Date) => !Number.isNaN(date.getTime());
const isPrivate = (label: string) => label.endsWith('PRIVATE KEY');

const CUT: Explanation = { message: 'its PEM block has no end: the file was cut off', remedy: 'Copy the complete file.' };
const TORN: Explanation = {
  message: 'a line with BEGIN or END is damaged: each must stand alone on its line, in pairs',
  remedy: 'Copy the file again, without changing its line breaks.',
};

/** Every block of a file, or why their limits cannot be determined. Text around blocks is a comment. */
function split(text: string): { blocks: Block[]; fault: Explanation | null } {
  const blocks: Block[] = [];
  let open: { label: string; lines: string[] } | null = null;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const boundary = BOUNDARY.exec(line);
    if (!boundary) {
      if (line.includes('-----BEGIN ') || line.includes('-----END ')) return { blocks, fault: TORN };
      open?.lines.push(line.trim());
      continue;
    }
    const [, kind, label = ''] = boundary;
    if (kind === 'BEGIN') {
      if (open) return { blocks, fault: CUT };
      open = { label, lines: [] };
    } else {
      if (open?.label !== label) return { blocks, fault: TORN };
      blocks.push({ label, text: [`-----BEGIN ${label}-----`, ...open.lines, `-----END ${label}-----`, ''].join('\n') });
      open = null;
    }
  }
  return { blocks, fault: open ? CUT : null };
}

/** The blocks of a file that should hold `wanted`, which has one of `labels`. */
function blocksOf(text: string, wanted: string, labels: readonly string[]): PemResult<Block[]> {
  const { blocks, fault } = split(text);
  if (fault) return failed(fault.message, fault.remedy);
  if (blocks.length === 0) return failed(`it is not a ${wanted} in PEM`, 'Convert it with openssl (-outform pem).');
  const other = blocks.filter(({ label }) => !labels.includes(label));
  if (other.length === blocks.length) {
    const held = [...new Set(other.map(({ label }) => nameOf(label)))].join(', ');
    const isRenamed = wanted === 'certificate' && other.some(({ label }) => label.endsWith('CERTIFICATE'));
    const remedy = isRenamed ? RELABEL : 'Check whether two files were swapped.';
    return failed(`it holds ${held}, not a ${wanted}`, remedy);
  }
  return { ok: true, value: blocks, doubt: null };
}

const RELABEL = 'The AWS SDK reads blocks called CERTIFICATE only. Convert it with: openssl x509 -in OLD -out NEW';

/**
 * All certificates of a PEM file, at least one, and nothing else in it. A private key in it would be copied to where every user can read it; the
 * SDK refuses a file with a block of any other kind (measured, aws-crt 1.33).
 */
export function parseCertificates(text: string): PemResult<X509Certificate[]> {
  const found = blocksOf(text, 'certificate', ['CERTIFICATE']);
  if (!found.ok) return found;
  if (found.value.some(({ label }) => isPrivate(label))) {
    return failed(
      'it holds a private key beside the certificate, and every user can read a file of certificates',
      'Keep the private key in a file of its own, mode 0600, and remove it from this one. Replace the key if this file was passed on.',
    );
  }
  const other = found.value.find(({ label }) => label !== 'CERTIFICATE');
  if (other) {
    const remedy = other.label.includes('CRL')
      ? 'Remove it: lists of revoked certificates are not used.'
      : other.label.endsWith('CERTIFICATE')
        ? RELABEL
        : 'Remove it.';
    return failed(`it holds ${nameOf(other.label)} beside the certificate, which the AWS SDK refuses`, remedy);
  }
  let value: X509Certificate[];
  try {
    value = found.value.map((block) => new X509Certificate(block.text));
  } catch {
    return failed('its PEM block is damaged: it is no X.509 certificate', 'Copy the certificate again.');
  }
  // OpenSSL takes a certificate whose dates are none. Node's dates are then whatever lay in memory; its texts say so.
  if (!value.every(({ validFrom, validTo }) => isDate(new Date(validFrom)) && isDate(new Date(validTo)))) {
    return failed('its PEM block is damaged: the dates of its validity are none', 'Copy the certificate again.');
  }
  return { ok: true, value, doubt: null };
}

/** The private key of a PEM file. Errors never quote the file. */
export function parsePrivateKey(text: string): PemResult<KeyObject> {
  const found = blocksOf(text, 'private key', [...KEY_LABELS, 'ENCRYPTED PRIVATE KEY']);
  if (!found.ok) return found;
  const keys = found.value.filter(({ label }) => isPrivate(label));
  const [first] = keys;
  if (first!.label.startsWith('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(first!.text)) {
    return failed(
      'it is protected by a passphrase, which a service cannot type',
      'Remove the passphrase with: openssl pkey -in OLD -out NEW',
    );
  }
  let value: KeyObject;
  try {
    value = createPrivateKey(first!.text);
  } catch {
    return failed('its PEM block is damaged: it is no private key', 'Copy the key again.');
  }
  if (keys.length > 1) {
    const message = `it holds ${keys.length} private keys, and only the first is used`;
    return { ok: true, value, doubt: { message, remedy: 'Leave the one that belongs to the certificate.' } };
  }
  const other = found.value.find(({ label }) => !isPrivate(label) && !KEY_COMPANIONS.includes(label));
  if (!other) return { ok: true, value, doubt: null };
  const message = `it holds ${nameOf(other.label)} beside the private key`;
  return { ok: true, value, doubt: { message, remedy: 'Leave the private key alone in its file.' } };
}
