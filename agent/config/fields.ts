import * as z from 'zod';

/** PATH_MAX of Linux, without the terminating NUL. */
const MAX_PATH_LENGTH = 4095;

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number, description: string) {
  return z.int().min(min).max(max).describe(description);
}

/** A text of one line, as printed on the device. */
export function label(maxLength: number, description: string) {
  const pattern = z.regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters');
  return z.string().min(1).max(maxLength).check(pattern).describe(description);
}

/** A path; a relative one counts from the folder of the file that it stands in. */
export function path(description: string) {
  const plain = z.regex(/^(?!credential:)[^\u0000]*$/, 'must be a path; credential:NAME is not possible here');
  return z.string().min(1).max(MAX_PATH_LENGTH).check(plain).describe(description);
}

/** A path, or `credential:NAME` for a file in `$CREDENTIALS_DIRECTORY`. */
export function credentialPath(description: string) {
  const either = z.regex(
    /^(?:credential:(?!\.{1,2}$)[^/\u0000]+|(?!credential:)[^\u0000]*)$/,
    'must be a path or credential:NAME, and NAME has no "/"',
  );
  return z.string().min(1).max(MAX_PATH_LENGTH).check(either).describe(description);
}

/** Editors read it; the agent does not. */
export const editorSchema = z.string().optional().describe('Path or URL of the JSON Schema, for editors; the agent ignores it.');

/** The path of a serial port: nothing that names another machine. */
export function serialPath(description: string) {
  const local = z.regex(
    /^(?!credential:)(?![a-zA-Z][a-zA-Z0-9+.-]*:\/\/)[^\u0000]*$/,
    'must be a serial port of this hub; sticks over the network are not possible',
  );
  return z.string().min(1).max(MAX_PATH_LENGTH).check(local).describe(description);
}
