/** Encoded together with other bytes, a value begins at one of three offsets of Base64: the part of each that stays the same. */
function base64Cores(bytes: Buffer): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The characters that hold bits of what stands before and behind.
    const first = Math.ceil((shift * 8) / 6);
    const isWhole = ((shift + bytes.length) * 8) % 6 === 0;
    return encoded.slice(first, isWhole ? undefined : -1);
  });
}

const utf16be = (value: string) => Buffer.from(value, 'utf16le').swap16();
const HEX = /^(?:[0-9a-f]{2}){8,}$/i;
const BASE64 = /^[A-Za-z0-9+/]{22,}={0,2}$/;

/** The bytes that a value may mean: those of its text in UTF-8 and UTF-16, and those that it writes in hex or Base64. */
function bytesOf(value: string): Buffer[] {
  const texts = [Buffer.from(value, 'utf8'), Buffer.from(value, 'utf16le'), utf16be(value)];
  if (HEX.test(value)) texts.push(Buffer.from(value, 'hex'));
  if (BASE64.test(value)) texts.push(Buffer.from(value, 'base64'));
  return texts;
}

/** The spellings in which a value can stand in a text: as it is, and its bytes in hex, Base64 at any offset, and as a list of numbers. */
export function spellings(value: string): string[] {
  return [value, ...bytesOf(value).flatMap((bytes) => [bytes.toString('hex'), ...base64Cores(bytes), [...bytes].join(',')])];
}
