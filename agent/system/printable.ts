/**
 * What must not reach a terminal or a log from the air, the wire, the cloud or a file: C0 and C1 controls (ECMA-48), marks that turn or hide
 * text (Unicode TR 9 and TR 36), line separators, tags, and halves of surrogate pairs.
 */
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\ud800-\udfff]/gu;

/** The text on one line, as it may be shown: each character that must not be is a dot. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '·');
}

/** As `printable`, for text that is laid out in lines already: line feeds stay, tabs become spaces. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (character === '\n' ? '\n' : character === '\t' ? '  ' : '·'));
}

/** JSON text with the same meaning in which such characters are escaped (RFC 8259, section 7); line feeds between lines stay. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) => {
    if (character === '\n') return '\n';
    // Only between tokens: inside a string they are escaped already.
    if (character === '\t' || character === '\r') return ' ';
    let escaped = '';
    for (let at = 0; at < character.length; at += 1) escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
    return escaped;
  });
}

/** A line of JSON whose strings can be shown once they are decoded. What is no JSON is made printable as it is. */
export function printableStrings(line: string): string {
  try {
    return JSON.stringify(JSON.parse(line, (_key, value: unknown) => (typeof value === 'string' ? printableLines(value) : value)));
  } catch {
    return printableLines(line);
  }
}
