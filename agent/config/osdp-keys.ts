import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { MAX_OSDP_ADDRESS, OSDP_DEFAULT_KEY } from '../contract/osdp.ts';
import { type FieldProblem, HubError } from '../system/errors.ts';
import { Secret } from '../system/secret.ts';

/** More than 127 keys with their addresses take, however they are laid out. */
const MAX_FILE_BYTES = 64 * 1024;
/** Any right for the group or for others. */
const OTHERS_MODE_BITS = 0o077;
const ADDRESS = /^(0|[1-9]\d{0,2})$/;
const KEY = /^[0-9a-fA-F]{32}$/;

/** `cause` is left out wherever it could quote the file: it holds keys. */
function invalid(path: string, field: string, message: string, cause?: unknown): HubError {
  return new HubError('config_invalid', `${path}: ${message}`, { ...(cause !== undefined && { cause }), details: [{ field, message }] });
}

async function readGuarded(path: string, guarded: boolean): Promise<string> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a pipe in the file's place would hold the start up for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const remedy = 'give the file at that path to the service user, mode 0600, or remove keysPath from the configuration';
    throw invalid(path, '', `the key file cannot be read (${(error as NodeJS.ErrnoException).code}): ${remedy}`, error);
  }
  try {
    // The open file is asked, not the path: it cannot be exchanged in between.
    const found = await handle.stat();
    if (!found.isFile()) throw invalid(path, '', 'this is no regular file: name the JSON file with the keys');
    const mode = found.mode & 0o777;
    if (!guarded && (mode & OTHERS_MODE_BITS) !== 0) {
      const octal = mode.toString(8).padStart(4, '0');
      throw invalid(path, '', `the key file has mode ${octal}: other users can get at the keys; run: chmod 0600 ${path}`);
    }
    if (found.size > MAX_FILE_BYTES) throw invalid(path, '', `the key file is larger than ${MAX_FILE_BYTES} bytes: keep only keys in it`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function problemOf(address: string, key: unknown): FieldProblem | null {
  if (!ADDRESS.test(address) || Number(address) > MAX_OSDP_ADDRESS) {
    return { field: address, message: `"${address}" is no address: use decimal numbers from 0 to ${MAX_OSDP_ADDRESS} as names` };
  }
  if (typeof key === 'string' && KEY.test(key)) {
    if (key.toLowerCase() !== OSDP_DEFAULT_KEY) return null;
    const remedy = 'give the peripheral an own key, or set allowDefaultKey on the bus';
    return { field: address, message: `the key of address ${address} is the public default key, which protects nothing: ${remedy}` };
  }
  return { field: address, message: `the key of address ${address} must be 32 hex digits (16 bytes) as text` };
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
  const problems = entries.flatMap(([address, key]) => problemOf(address, key) ?? []);
  if (problems.length > 0) {
    const message = `${path}: ${problems.map((problem) => problem.message).join('; ')}`;
    throw new HubError('config_invalid', message, { details: problems });
  }
  return new Map(entries.map(([address, key]) => [Number(address), new Secret(key as string)]));
}
