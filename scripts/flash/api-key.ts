import { text as readStream } from 'node:stream/consumers';
import { readRegularFile } from '../../agent/system/regular-file.ts';
import { Secret } from '../../agent/system/secret.ts';
import { UsageError } from './problems.ts';

/** One word of printable ASCII: what a header can carry. */
const KEY = /^[\x21-\x7e]+$/;

/**
 * The API key from a file, or from standard input for `-`. It never comes by an argument or the environment: others could read it there.
 * @throws UsageError, without a word of what was read
 */
export async function readApiKey(path: string, input: NodeJS.ReadableStream): Promise<Secret> {
  const name = path === '-' ? 'standard input' : path;
  const text = await (path === '-' ? readStream(input) : readRegularFile(path).then(String)).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--api-key-file: ${name} cannot be read (${error.code}). Check the path and its rights.`);
  });
  const key = text.replace(/^\uFEFF/, '').trim();
  if (!KEY.test(key)) {
    throw new UsageError(`--api-key-file: ${name} must hold the API key and nothing else: one word, without quotes, name or comment.`);
  }
  return new Secret(key);
}

/** A text from outside without the key, however it came to be quoted there, on one line. */
export function withoutKey(text: string, key: Secret): string {
  const plain = key.reveal();
  const spellings = [plain, JSON.stringify(plain).slice(1, -1), encodeURIComponent(plain), Buffer.from(plain).toString('base64')];
  const redacted = spellings.reduce((left, spelling) => left.replaceAll(spelling, '[redacted]'), text);
  return redacted.replace(/[\p{Cc}\s]+/gu, ' ').trim();
}
