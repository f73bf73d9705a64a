import { nearest } from '../../agent/system/nearest.ts';
import { parseCsv } from './csv.ts';
import { Refused, type RowProblem } from './problems.ts';
import { readJson } from './text.ts';

/** What a manifest has of a hub. */
export const COLUMNS = ['hubId', 'serial', 'model', 'vendorName', 'thingName', 'certificate', 'key'] as const;
const NEEDED = ['hubId', 'serial', 'model', 'vendorName'] as const;

/** A row as it was written: line of a CSV file or index from 1 of a JSON list. Every name is one of COLUMNS. */
export interface TableRow {
  row: number;
  values: Record<string, unknown>;
}

/** A name that can be repeated in an error; anything else may be a value that came into the header by mistake, even a key. */
const PLAIN_NAME = /^[\w .-]{1,40}$/;

function refuse(message: string, remedy: string, row: number | null = null): never {
  throw new Refused([{ row, field: '', message, remedy }]);
}

/** What is wrong with the names of the columns; `rowOf` gives the place of a name. Each is reported once, for any number of rows. */
function checkNames(names: readonly string[], rowOf: (name: string) => number | null): RowProblem[] {
  const problems = names.flatMap((name, index): RowProblem[] => {
    const field = PLAIN_NAME.test(name) ? name : `column ${index + 1}`;
    if (names.indexOf(name) !== index)
      return [{ row: rowOf(name), field, message: 'the column is repeated', remedy: 'Remove one of them.' }];
    if ((COLUMNS as readonly string[]).includes(name)) return [];
    const meant = nearest(name, COLUMNS);
    const remedy = meant === null ? `Remove it, or use one of ${COLUMNS.join(', ')}.` : `Call it ${meant}, or remove it.`;
    return [{ row: rowOf(name), field, message: 'the column is unknown', remedy }];
  });
  const missing = NEEDED.filter((name) => !names.includes(name));
  return [...problems, ...missing.map((field) => ({ row: null, field, message: 'the column is missing', remedy: 'Add it to every hub.' }))];
}

/** The rows of a CSV manifest. @throws Refused */
export function readCsvTable(text: string): TableRow[] {
  const firstLine = text.trimStart().split(/\r?\n/, 1)[0]!;
  const separator = firstLine.includes(';') ? 'semicolons' : firstLine.includes('\t') ? 'tabs' : null;
  if (separator !== null && !firstLine.includes(',')) {
    refuse(`its fields are separated by ${separator}`, 'Save it with commas between the fields.');
  }
  let records: ReturnType<typeof parseCsv>;
  try {
    records = parseCsv(text);
  } catch (error) {
    refuse((error as Error).message, 'Close it.');
  }
  const [head, ...rest] = records;
  if (!head) refuse('the manifest is empty', `Its first line names the columns: ${COLUMNS.join(',')}.`);
  if (!head.fields.some((name) => nearest(name, COLUMNS) !== null)) {
    refuse('its first line names no column', `Put this line before the hubs: ${COLUMNS.join(',')}.`, head.line);
  }
  const problems = checkNames(head.fields, () => head.line);
  if (problems.length > 0) throw new Refused(problems);
  return rest.map(({ line, fields }) => {
    if (fields.length !== head.fields.length) {
      refuse(`it has ${fields.length} fields, the header has ${head.fields.length}`, 'Check its commas and quotes.', line);
    }
    return { row: line, values: Object.fromEntries(head.fields.map((name, index) => [name, fields[index]])) };
  });
}

/** The rows of a JSON manifest. @throws Refused */
export function readJsonTable(text: string): TableRow[] {
  const list = readJson(text, '');
  if (!Array.isArray(list)) refuse('it is not a list', 'Write a list of objects, one a hub.');
  const rows = list.map((values: unknown, index): TableRow => {
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      refuse('it is not an object', 'Write one object a hub.', index + 1);
    return { row: index + 1, values: values as Record<string, unknown> };
  });
  const firstRows = new Map<string, number>();
  for (const { row, values } of rows) for (const name of Object.keys(values)) if (!firstRows.has(name)) firstRows.set(name, row);
  const problems = rows.length === 0 ? [] : checkNames([...firstRows.keys()], (name) => firstRows.get(name) ?? null);
  if (problems.length > 0) throw new Refused(problems);
  return rows;
}
