import { stripVTControlCharacters } from 'node:util';

/** Laying out text for narrow terminals. Pure functions; widths are terminal columns. */

/**
 * Characters of two columns: wide and full-width ones of Unicode TR 11. JavaScript knows scripts and emoji by their properties, so that this list
 * follows the Unicode version of Node; what is left are signs between them. All assigned characters were compared with the table of TR 11.
 */
const WIDE =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Bopo}\p{sc=Yi}\p{sc=Tang}\p{sc=Nshu}\p{sc=Kits}\p{Emoji_Presentation}\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3099-\u3247\u3250-\u33ff\u4dc0-\u4dff\ua960-\ua97c\uac00-\ud7a3\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{1d300}-\u{1d376}\u{1f200}-\u{1f265}]/u;
/** Of those scripts and emoji: half-width forms, and the letters that flags are made of. */
const NARROW = /[\u02ea\u02eb\uff61-\uffdc\u{1f1e6}-\u{1f1ff}]/u;
/** Marks on the character before, and the vowels and finals of a Korean syllable in parts: terminals add no column for them (wcwidth(3)). */
const JOINED = /[\p{Mn}\p{Me}\u1160-\u11ff]/u;
const ASCII = /^[\x20-\x7e]*$/;

/** Columns that the text takes; colours take none. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += columnsOf(character);
  return width;
}

function columnsOf(character: string): 0 | 1 | 2 {
  if (ASCII.test(character)) return 1;
  if (JOINED.test(character)) return 0;
  return WIDE.test(character) && !NARROW.test(character) ? 2 : 1;
}

/** The longest beginning of the text that fits into `width`. No character is torn from its marks. */
function beginning(text: string, width: number): string {
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += columnsOf(character);
    if (used > width) break;
    kept += character;
  }
  return kept;
}

/** Cut to `width` with an ellipsis. */
export function truncate(text: string, width: number): string {
  return widthOf(text) <= width ? text : `${beginning(text, width - 1)}…`;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Lines of at most `width`; breaks between words, and inside a word that is too long for a line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== '') lines.push(line);
    while (widthOf(word) > width) {
      // A line too narrow for one character gets it all the same.
      const head = beginning(word, width) || beginning(word, 2);
      lines.push(head);
      word = word.slice(head.length);
    }
    line = word;
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}

/** A label, and its text beside it: what does not fit goes below the text, not below the label. */
export function field(label: string, text: string, labelWidth: number, columns: number): string[] {
  const rows = wrap(text, Math.max(10, columns - labelWidth));
  return rows.map((row, index) => padEnd(index === 0 ? label : '', labelWidth) + row);
}
