import type { Files } from '../system/files.ts';
import { MAX_DOCUMENT_BYTES as MAX_BYTES } from './locations.ts';
import type { ConfigProblem } from './problems.ts';

export type ReadResult = { ok: true; text: string } | { ok: false; problem: Pick<ConfigProblem, 'message' | 'remedy'> };

function failed(message: string, remedy: string): ReadResult {
  return { ok: false, problem: { message, remedy } };
}

function explain(error: unknown, path: string): ReadResult {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return failed(
        'the agent may not read it',
        `Give the agent's user (uid ${process.geteuid?.() ?? 'unknown'}) the right to read ${path} and to enter its folders.`,
      );
    case 'ERR_NOT_A_FILE':
      return failed('it is no regular file (a pipe, device or socket)', 'Name the file itself.');
    case 'ERR_FILE_TOO_LARGE':
      return failed(`it has more than ${MAX_BYTES} bytes`, 'Check that this is the right file.');
    case 'EISDIR':
      return failed('it is a directory, not a file', 'Name the file inside it.');
    case 'ENOTDIR':
      return failed('a part of the path is a file, not a directory', 'Correct the path.');
    case 'ELOOP':
      return failed('its symbolic links lead in a circle', 'Correct the links.');
    default:
      return failed(`it cannot be read (${code ?? String(error)})`, 'Check the storage medium and the path.');
  }
}

/** Reads a text file that a person wrote, and explains in words why it cannot be used. A UTF-8 byte order mark is dropped. Never throws. */
export async function readText(files: Pick<Files, 'read'>, path: string): Promise<ReadResult> {
  let bytes: Buffer | null;
  try {
    bytes = await files.read(path, { maxBytes: MAX_BYTES });
  } catch (error) {
    return explain(error, path);
  }
  if (bytes === null) return failed('the file does not exist', `Create ${path}, or correct the path.`);
  if (bytes.length > MAX_BYTES)
    return failed(`it has ${bytes.length} bytes, at most ${MAX_BYTES} are read`, 'Check that this is the right file.');
  if (bytes.length > 0 && bytes.every((byte) => byte === 0)) {
    return failed('it holds nothing but zero bytes, as after a power cut', 'Restore it from a copy.');
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return failed('it is UTF-16', 'Save it as UTF-8.');
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.trim() === '' ? failed('it is empty', 'Fill it in, or restore it from a copy.') : { ok: true, text };
  } catch {
    return failed('it is not text in UTF-8', 'Check that this is the right file, and save it as UTF-8.');
  }
}
