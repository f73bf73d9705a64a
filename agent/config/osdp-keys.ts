import { MAX_OSDP_ADDRESS, OSDP_DEFAULT_KEY } from '../contract/osdp.ts';
import { type FieldProblem, HubError, isHubError } from '../system/errors.ts';
import { withRegularFile } from '../system/regular-file.ts';
import { Secret } from '../system/secret.ts';
import { octal } from '../system/units.ts';

/** More than 127 keys with their addresses take, however they are laid out. */
const MAX_FILE_BYTES = 64 * 1024;
/** Any right for the group or for others. */
const OTHERS_MODE_BITS = 0o077;
const ADDRESS = /^(0|[1-9]\d{0,2})$/;
/** A name of so many characters is quoted: it cannot hold more than a part of a key. */
const MAX_QUOTED = 5;
const KEY = /^[0-9a-fA-F]{32}$/;

/** `cause` is left out wherever it could quote the file: it holds keys. */
function invalid(path: string, field: string, message: string, cause?: unknown): HubError {
  return new HubError('config_invalid', `${path}: ${message}`, { ...(cause !== undefined && { cause }), details: [{ field, message }] });
}

async function readGuarded(path: string, guarded: boolean): Promise<string> {
  try {
    return await withRegularFile(path, { maxBytes: MAX_FILE_BYTES }, async ({ mode, read }) => {
      if (!guarded && (mode & OTHERS_MODE_BITS) !== 0) {
        throw invalid(path, '', `the key file has mode ${octal(mode)}: other users can get at the keys; run: chmod 0600 ${path}`);
      }
      return decode(await read(), path);
    });
  } catch (error) {
    if (isHubError(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_NOT_A_FILE' || code === 'EISDIR')
      throw invalid(path, '', 'this is no regular file: name the JSON file with the keys');
    if (code === 'ERR_FILE_TOO_LARGE') throw invalid(path, '', `the key file is larger than ${MAX_FILE_BYTES} bytes: keep only keys in it`);
    const remedy = 'give the file at that path to the service user, mode 0600, or remove keysPath from the configuration';
    throw invalid(path, '', `the key file cannot be read (${code}): ${remedy}`, error);
  }
}

/** The text of the file; a byte order mark is dropped, as everywhere where a person writes. */
function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(path, '', 'this is not text in UTF-8: save it as UTF-8');
  }
}

/** JSON's strings, those that are followed by a colon as keys. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/** The addresses that stand more than once in a flat object: JSON would keep the last key in silence. */
function repeatedIn(text: string): string[] {
  const names = [...text.matchAll(STRING)].flatMap(([whole, colon]) =>
    colon === undefined ? [] : [JSON.parse(whole.slice(0, -colon.length)) as string],
  );
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function problemOf(address: string, key: unknown): FieldProblem | null {
  if (!ADDRESS.test(address) || Number(address) > MAX_OSDP_ADDRESS) {
    // A long one may be a key in the place of its address.
    const name = address.length <= MAX_QUOTED ? address : '';
    return {
      field: name,
      message: `${name ? `"${name}"` : 'a name'} is no address: use decimal numbers from 0 to ${MAX_OSDP_ADDRESS} as names`,
    };
  }
  if (typeof key === 'string' && KEY.test(key)) {
    if (key.toLowerCase() !== OSDP_DEFAULT_KEY) return null;
    const remedy = 'give the peripheral an own key, or set allowDefaultKey on the bus';
    return { field: address, message: `the key of address ${address} is the public default key, which protects nothing: ${remedy}` };
  }
  return { field: address, message: `the key of address ${address} must be 32 hex digits (16 bytes) as text` };
}

function repetitionOf(address: string): FieldProblem[] {
  if (!ADDRESS.test(address)) return [];
  return [{ field: address, message: `address ${address} stands more than once: remove all but the right key` }];
}

/**
 * Reads the own secure channel keys (SCBK) of one bus: a JSON object `{"<address>": "<32 hex digits>"}`. `guarded`: the service manager
 * keeps the file from others by an access list, so that its mode bits say nothing.
 * @throws HubError `config_invalid` that names file, field and remedy, and never a key.
 */
export async function loadOsdpKeys(path: string, { guarded = false }: { guarded?: boolean } = {}): Promise<Map<number, Secret>> {
  const text = await readGuarded(path, guarded);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid(path, '', 'this is not JSON: write {"<address>": "<32 hex digits>"}');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid(path, '', 'the file must hold one JSON object: {"<address>": "<32 hex digits>"}');
  }
  const entries = Object.entries(parsed);
  const problems = [...entries.flatMap(([address, key]) => problemOf(address, key) ?? []), ...repeatedIn(text).flatMap(repetitionOf)];
  if (problems.length > 0) {
    const message = `${path}: ${problems.map((problem) => problem.message).join('; ')}`;
    throw new HubError('config_invalid', message, { details: problems });
  }
  return new Map(entries.map(([address, key]) => [Number(address), new Secret(key as string)]));
}
