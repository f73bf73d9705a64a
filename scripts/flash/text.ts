import { parseJson } from '../../agent/config/json.ts';
import { MAX_FILE_BYTES, readRegularFile } from '../../agent/system/regular-file.ts';
import { Refused } from './problems.ts';

/** Reads a text in UTF-8 that a person or a spreadsheet wrote; a byte order mark is dropped. @throws Refused at `field` with what to do. */
export async function readText(path: string, field: string): Promise<string> {
  const refuse = (message: string, remedy: string): never => {
    throw new Refused([{ row: null, field, message, remedy }]);
  };
  const bytes = await readRegularFile(path, { maxBytes: MAX_FILE_BYTES }).catch((error: NodeJS.ErrnoException) =>
    refuse(`${path} cannot be read (${error.code})`, 'Check the path and its rights.'),
  );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse(`${path} is not text in UTF-8`, 'Save it as "CSV UTF-8", or from an editor as UTF-8.');
  }
}

/**
 * JSON as the agent takes it: no key may stand twice, for only the last would count. The errors quote nothing of the text, which may hold a key by
 * mistake. @throws Refused at `field`
 */
export function readJson(text: string, field: string): unknown {
  const json = parseJson(text);
  if (!json.ok) {
    const { line, column, message, remedy } = json.fault;
    throw new Refused([{ row: null, field, message: `it is not JSON: line ${line}, column ${column}: ${message}`, remedy }]);
  }
  const problems = json.duplicates.map(({ line }) => ({
    row: null,
    field,
    message: `a key stands a second time in line ${line}`,
    remedy: 'Remove one of them.',
  }));
  if (problems.length > 0) throw new Refused(problems);
  return json.value;
}
