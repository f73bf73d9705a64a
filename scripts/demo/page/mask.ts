/** Names of fields whose values are masked, whatever is in them. */
const SECRET_NAME = /credential|passw|passphrase|psk|secret|private|(?<!client)token|api.?key|signature|presigned/i;
const MASK = '••••••';
/** A key in PEM, should one ever get into a text. */
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** The shortest password of a Wi-Fi. What is shorter is no secret, and would mask half of every text. */
const MIN_SECRET = 8;
const MAX_SECRETS = 256;

/** Takes secrets out of what the page is shown and a recording keeps: by the names of fields, and by the values that are known. */
export interface Masker {
  /** From here on this text is masked wherever it stands. */
  learn(secret: string): void;
  /** A copy without secrets. */
  value<T>(value: T): T;
  text(text: string): string;
}

export function createMasker(secrets: readonly string[] = []): Masker {
  const known = new Set<string>();

  function learn(secret: string): void {
    if (secret.length < MIN_SECRET) return;
    known.add(secret);
    // As it stands inside JSON.
    known.add(JSON.stringify(secret).slice(1, -1));
    for (const oldest of known) if (known.size > MAX_SECRETS) known.delete(oldest);
  }

  function text(plain: string): string {
    let masked = plain.includes('PRIVATE KEY') ? plain.replace(PRIVATE_KEY, MASK) : plain;
    for (const secret of known) if (masked.includes(secret)) masked = masked.replaceAll(secret, MASK);
    return masked;
  }

  function walk(value: unknown, name: string): unknown {
    if (SECRET_NAME.test(name) && typeof value !== 'boolean' && value !== null && value !== undefined) {
      if (typeof value === 'string') learn(value);
      return MASK;
    }
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map((each) => walk(each, ''));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walk(each, key)]));
  }

  for (const secret of secrets) learn(secret);
  return { learn, text, value: <T>(value: T) => walk(value, '') as T };
}
