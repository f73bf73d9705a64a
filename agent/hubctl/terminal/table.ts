import { printable } from '../../system/printable.ts';
import { padEnd, truncate, widthOf, wrap } from './text.ts';

/** One column of a table. */
export interface Column<Row> {
  title: string;
  text(row: Row): string;
  /** Left out when the terminal is too narrow, the highest number first; 0 stays. */
  optional: number;
  /** It may be cut, to this width only when no optional column is left to leave out; true: to 8. */
  flexible?: boolean | number;
  paint?(row: Row, text: string): string;
}

const GAP = 2;
const LEAST = 8;

const total = (widths: readonly number[]) => widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);

/** Shares `room` among columns that want these widths: one that wants less than its share leaves the rest to the others. */
function shares(wanted: readonly number[], room: number): number[] {
  const given = new Array<number>(wanted.length).fill(0);
  const order = [...wanted.keys()].sort((a, b) => wanted[a]! - wanted[b]!);
  let left = Math.max(0, room);
  for (const [place, index] of order.entries()) {
    given[index] = Math.min(wanted[index]!, Math.floor(left / (order.length - place)));
    left -= given[index];
  }
  return given;
}

/** A table of at most `columns`: leaves optional columns out, which a last line names, then cuts the flexible ones. */
export function table<Row>(columnsOf: readonly Column<Row>[], rows: readonly Row[], columns: number): string[] {
  let shown = [...columnsOf];
  const natural = new Map(
    shown.map((column) => [column, Math.max(widthOf(column.title), ...rows.map((row) => widthOf(printable(column.text(row)))))]),
  );
  const least = ({ flexible, ...column }: Column<Row>, own: number) =>
    flexible ? Math.min(own, flexible === true ? LEAST : Math.max(flexible, widthOf(column.title))) : own;
  while (total(shown.map((column) => least(column, natural.get(column)!))) > columns) {
    const worst = shown.reduce((a, b) => (b.optional > a.optional ? b : a));
    if (worst.optional === 0) break;
    shown = shown.filter((column) => column !== worst);
  }
  const flexibles = shown.filter((column) => column.flexible);
  const room = columns - total(shown.map((column) => (column.flexible ? 0 : natural.get(column)!)));
  const given = shares(
    flexibles.map((column) => natural.get(column)!),
    room,
  );
  const widths = shown.map((column) => (column.flexible ? given[flexibles.indexOf(column)]! : natural.get(column)!));
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
  const leftOut = columnsOf.filter((column) => !shown.includes(column)).map(({ title }) => title);
  const notice = leftOut.length === 0 ? [] : wrap(`Too narrow for these columns: ${leftOut.join(', ')}; --json has them.`, columns);
  return [header, ...body, ...notice];
}
