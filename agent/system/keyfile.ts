/** An entry of a key file. */
export interface KeyfileEntry {
  /** Without its brackets; empty before the first group. */
  group: string;
  key: string;
  /** As it is written, with its escapes. */
  value: string;
}

const SPACES = ' \t\r\f\v';
const LEADING = /^[ \t\r\f\v]+/;
const ESCAPED: Readonly<Record<string, string>> = { s: ' ', n: '\n', t: '\t', r: '\r', '\\': '\\' };

/**
 * The entries of a key file, such as a profile of NetworkManager (nm-settings-keyfile(5)), in their order; of those with the same name the last one
 * counts. Read as GLib's GKeyFile does (`g_key_file_parse_line`); lines that it refuses are left out. Linear in the length of the text.
 */
export function* keyfileEntries(text: string): Generator<KeyfileEntry> {
  let group = '';
  for (const each of text.split('\n')) {
    const line = (each.endsWith('\r') ? each.slice(0, -1) : each).replace(LEADING, '');
    if (line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      group = /^\[([^\]]*)\][ \t\r\f\v]*$/.exec(line)?.[1] ?? '';
      continue;
    }
    const at = line.indexOf('=');
    let end = at;
    while (end > 0 && SPACES.includes(line[end - 1]!)) end -= 1;
    if (end > 0) yield { group, key: line.slice(0, end), value: line.slice(at + 1).replace(LEADING, '') };
  }
}

/** A value of a key file as text, without its escapes; one that GLib does not know stays. */
export const keyfileText = (value: string): string => value.replace(/\\([sntr\\])/g, (_all, sign: string) => ESCAPED[sign]!);
