import type { Secret } from '../../system/secret.ts';

/** Keeps secrets out of texts that leave the hub. */
export interface Redactor {
  /** The text with known secrets and what looks like one replaced. */
  redact(text: string): string;
  /** True when a known secret is in it, in any of its spellings. */
  holdsSecret(text: string): boolean;
}

const MARK = '[redacted]';
/** A shorter value would be found everywhere, and is no secret that our configuration accepts. */
const MIN_SECRET = 8;

/** What looks like a secret, whoever wrote it: keys in PEM; values behind words that name one. */
const PATTERNS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, MARK],
  [
    /("(?:[a-z]*[_-]?(?:password|passphrase|credentials|psk|secret|token|scbk|apikey|api_key|private_?key|network_?key))"\s*:\s*)"(?:[^"\\]|\\.)*"/gi,
    `$1"${MARK}"`,
  ],
  [/\b((?:wifi\.?|wpa[_-])?(?:password|passphrase|psk|wep-key\d?|scbk)\s*[=:]\s*)(?!\s*"?\[redacted)[^\s,;"]+/gi, `$1${MARK}`],
  [/\b(Bearer\s+)[\w.~+/=-]{8,}/g, `$1${MARK}`],
];

/** The spellings in which a value can stand in a text: as it is, in JSON, in a URL, in hex and Base64. */
function spellings(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8');
  const hex = /^[0-9a-f]+$/i.test(value) && value.length % 2 === 0 ? Buffer.from(value, 'hex') : null;
  const all = [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    ...(hex ? [value.toLowerCase(), value.toUpperCase(), hex.toString('base64').replace(/=+$/, ''), hex.toString('base64url')] : []),
    ...(hex
      ? [
          [...hex].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
          [...hex].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
        ]
      : []),
  ];
  return all.filter((text) => text.length >= MIN_SECRET);
}

/** A redactor for the secrets of this hub. */
export function createRedactor(secrets: readonly Secret[]): Redactor {
  // The longest first: a spelling may be the beginning of another.
  const known = [...new Set(secrets.flatMap((secret) => spellings(secret.reveal())))].sort((a, b) => b.length - a.length);
  return {
    redact(text) {
      let clean = text;
      for (const value of known) clean = clean.replaceAll(value, MARK);
      for (const [pattern, mark] of PATTERNS) clean = clean.replace(pattern, mark);
      return clean;
    },
    holdsSecret: (text) => known.some((value) => text.includes(value)),
  };
}
