import { printable } from '../../system/printable.ts';

/** Laying out text for narrow terminals. Pure functions; widths are terminal columns. */

/** Characters of two columns: East Asian wide and emoji (Unicode TR 11), as far as an SSID has them. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;

const SGR = /\u001b\[[0-9;]*m/g;

/** Columns that the text takes; colours take none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text.replace(SGR, '')) width += columnsOf(character);
  return width;
}

const columnsOf = (character: string) => (character > '\u10ff' && WIDE.test(character) ? 2 : 1);

/** Cut to `width` with an ellipsis. */
export function truncate(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += columnsOf(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
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
      const head = truncate(word, width + 1).slice(0, -1);
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

/** One column of a table. */
export interface Column<Row> {
  title: string;
  text(row: Row): string;
  /** Left out when the terminal is too narrow, the highest number first; 0 stays. */
  optional: number;
  /** Gets what is left, and is cut when that is too little. */
  flexible?: boolean;
  paint?(row: Row, text: string): string;
}

const GAP = 2;

/** A table of at most `columns`: drops optional columns, then cuts the flexible one. */
export function table<Row>(columnsOf: readonly Column<Row>[], rows: readonly Row[], columns: number): string[] {
  let shown = [...columnsOf];
  const natural = new Map(
    shown.map((column) => [column, Math.max(widthOf(column.title), ...rows.map((row) => widthOf(printable(column.text(row)))))]),
  );
  const least = (column: Column<Row>) => (column.flexible ? Math.min(natural.get(column)!, 8) : natural.get(column)!);
  const total = (widths: number[]) => widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);
  while (total(shown.map(least)) > columns) {
    const worst = shown.reduce((a, b) => (b.optional > a.optional ? b : a));
    if (worst.optional === 0) break;
    shown = shown.filter((column) => column !== worst);
  }
  const surplus = Math.max(0, columns - total(shown.map((column) => (column.flexible ? 0 : natural.get(column)!))));
  const flexibles = shown.filter((column) => column.flexible).length;
  const widths = shown.map((column) =>
    column.flexible ? Math.min(natural.get(column)!, Math.floor(surplus / flexibles)) : natural.get(column)!,
  );
  const line = (cells: string[]) =>
    cells.map((cell, index) => padEnd(cell, index === cells.length - 1 ? 0 : widths[index]!)).join(' '.repeat(GAP));
  const header = line(shown.map((column, index) => truncate(column.title, widths[index]!)));
  const body = rows.map((row) =>
    line(
      shown.map((column, index) => {
        const text = truncate(printable(column.text(row)), widths[index]!);
        return column.paint ? column.paint(row, text) : text;
      }),
    ),
  );
  return [header, ...body];
}
