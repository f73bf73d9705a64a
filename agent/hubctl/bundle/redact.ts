import type { Secret } from '../../system/secret.ts';
import { canonical, letters, type Reading, visible } from './canonical.ts';
import { spellings } from './spellings.ts';

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

/** What looks like a secret, from any source: keys in PEM; values behind words that name one. */
const PATTERNS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, MARK],
  [
    /("(?:[a-z]*[_-]?(?:password|passphrase|credentials|psk|secret|token|scbk|apikey|api_key|private_?key|network_?key))"\s*:\s*)"(?:[^"\\]|\\.)*"/gi,
    `$1"${MARK}"`,
  ],
  [/\b((?:wifi\.?|wpa[_-])?(?:password|passphrase|psk|wep-key\d?|scbk)\s*[=:]\s*)(?!\s*"?\[redacted)[^\s,;"]+/gi, `$1${MARK}`],
  [/\b(Bearer\s+)[\w.~+/=-]{8,}/g, `$1${MARK}`],
];

/** A way to read a text, and the secrets as they look then. */
interface View {
  reading: Reading;
  needles: string[];
}

const READINGS: readonly Reading[] = [
  { keep: letters, bytesAsDigits: false },
  { keep: visible, bytesAsDigits: false },
  { keep: letters, bytesAsDigits: true },
];

/** A text as it is, in JSON, and in JSON in JSON. */
function escapings(text: string): string[] {
  const once = JSON.stringify(text).slice(1, -1);
  return [...new Set([text, once, JSON.stringify(once).slice(1, -1)])];
}

/** A redactor for the secrets of this hub. Case, separators, wrapping, escapes, Base64, hex and UTF-16 do not hide one. */
export function createRedactor(secrets: readonly Secret[]): Redactor {
  const forms = [...new Set(secrets.flatMap((secret) => spellings(secret.reveal())))].filter((form) => form.length >= MIN_SECRET);
  // Of spaces and backslashes, which no reading keeps. Spaces alone stand everywhere.
  const plain = forms.filter(
    (form) => form.trim() !== '' && READINGS.every((reading) => canonical(form, reading).text.length < MIN_SECRET),
  );
  const verbatim = plain.flatMap(escapings);
  const viewOf = (reading: Reading): View => {
    const needles = forms.map((form) => canonical(form, reading).text).filter((needle) => needle.length >= MIN_SECRET);
    return { reading, needles: [...new Set(needles)] };
  };
  const views = READINGS.map(viewOf);

  /** Where known secrets stand in a text, as ranges in order, joined where they meet. */
  function ranges(text: string): [number, number][] {
    const found: [number, number][] = [];
    for (const needle of verbatim) {
      for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + 1)) found.push([at, at + needle.length]);
    }
    for (const { reading, needles } of views) {
      const reduced = canonical(text, reading);
      for (const needle of needles) {
        for (let at = reduced.text.indexOf(needle); at !== -1; at = reduced.text.indexOf(needle, at + 1)) {
          found.push([reduced.starts[at]!, reduced.ends[at + needle.length - 1]!]);
        }
      }
    }
    found.sort(([one], [other]) => one - other);
    const joined: [number, number][] = [];
    for (const [start, end] of found) {
      const last = joined.at(-1);
      if (last && start <= last[1]) last[1] = Math.max(last[1], end);
      else joined.push([start, end]);
    }
    return joined;
  }

  return {
    redact(text) {
      const parts: string[] = [];
      let done = 0;
      for (const [start, end] of ranges(text)) {
        parts.push(text.slice(done, start), MARK);
        done = end;
      }
      let clean = parts.join('') + text.slice(done);
      for (const [pattern, mark] of PATTERNS) clean = clean.replace(pattern, mark);
      return clean;
    },
    holdsSecret: (text) => ranges(text).length > 0,
  };
}
