/** A text reduced to what every spelling of a secret has in common, and where each character came from. */
export interface Canonical {
  text: string;
  /** For each character of `text` the index in the original where it begins, and one more for the end. */
  starts: Uint32Array;
  /** For each character the index behind it in the original. */
  ends: Uint32Array;
}

/**
 * One sign of a text: what was escaped, however often (JSON in JSON, `\u0041`, `\x41`, `%41`), a line break that was written out, the `0x` before a
 * byte, or a character as it is.
 */
const SIGN = /\\+u([0-9a-fA-F]{4})|((?:\\+x[0-9a-fA-F]{2})+)|((?:%[0-9a-fA-F]{2})+)|(\\+[nrt]|0x(?=[0-9a-f]{2}(?![0-9a-z])))|[\s\S]/giu;

/** `%C3%B6` as the characters that it stands for; as it is when it stands for none. */
function unquoted(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const LETTER = /[\p{L}\p{N}]/u;
const BLANK = /[\s\p{Cc}\p{Cf}]/u;

const ASCII = /^[\u0000-\u007f]$/;

/** Letters and digits alone, without case and accents: separators, wrapping, quotes and the NULs of UTF-16 do not count. */
export function letters(sign: string): string {
  if (ASCII.test(sign)) return /[0-9A-Za-z]/.test(sign) ? sign.toLowerCase() : '';
  return [...sign.normalize('NFKD').toLowerCase()].filter((one) => LETTER.test(one)).join('');
}

/** Everything that can be seen, without case: for secrets that are made of signs more than of letters. */
export function visible(sign: string): string {
  return [...sign.normalize('NFKC').toLowerCase()].filter((one) => one !== '\\' && !BLANK.test(one)).join('');
}

/** How a text is read. */
export interface Reading {
  keep: (sign: string) => string;
  /** `\xc3\xb6` as its digits, and not as the characters that it stands for: so bytes are written that are no text. */
  bytesAsDigits: boolean;
}

function meant([all, unicode, bytes, quoted, separator]: RegExpMatchArray, bytesAsDigits: boolean): string {
  if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode, 16));
  if (quoted !== undefined) return unquoted(quoted);
  if (separator !== undefined) return '';
  if (bytes === undefined) return all;
  const digits = bytes.replace(/[\\x]/gi, '');
  return bytesAsDigits ? digits : Buffer.from(digits, 'hex').toString('utf8');
}

/** Reduces a text sign by sign. */
export function canonical(original: string, { keep, bytesAsDigits }: Reading): Canonical {
  const starts: number[] = [];
  const ends: number[] = [];
  const parts: string[] = [];
  for (const match of original.matchAll(SIGN)) {
    const kept = [...meant(match, bytesAsDigits)].map(keep).join('');
    for (let index = 0; index < kept.length; index++) {
      starts.push(match.index);
      ends.push(match.index + match[0].length);
    }
    parts.push(kept);
  }
  return { text: parts.join(''), starts: Uint32Array.from(starts), ends: Uint32Array.from(ends) };
}
