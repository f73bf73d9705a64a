import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { identitySchema } from '../../agent/config/identity-schema.ts';
import { parseCsv } from './csv.ts';
import { Refused, type RowProblem } from './problems.ts';

/** A hub to be flashed, as the manifest names it. Paths are absolute. */
export interface ManifestRow {
  row: number;
  hubId: string;
  serial: string;
  model: string;
  vendorName: string;
  /** Null: the hubId. */
  thingName: string | null;
  /** Null: made on the line. */
  certificatePath: string | null;
  keyPath: string | null;
}

/** The Thing's name, which is the hubId unless the manifest has another. */
export function thingNameOf({ thingName, hubId }: Pick<ManifestRow, 'thingName' | 'hubId'>): string {
  return thingName ?? hubId;
}

const COLUMNS = ['hubId', 'serial', 'model', 'vendorName', 'thingName', 'certificate', 'key'] as const;
type Raw = { row: number; values: Record<string, unknown> };
/** Credentials are held for all at once, about 4 KB each; a larger batch can be several. */
const MAX_ROWS = 10_000;
const whoIsIt = identitySchema.pick({ hubId: true, serial: true, model: true, vendorName: true, thingName: true });

function refuse(message: string, remedy: string, row: number | null = null, field = ''): never {
  throw new Refused([{ row, field, message, remedy }]);
}

function readCsv(text: string): Raw[] {
  let records: ReturnType<typeof parseCsv>;
  try {
    records = parseCsv(text);
  } catch (error) {
    refuse((error as Error).message, 'Close it.');
  }
  const [head, ...rest] = records;
  if (!head) refuse('the manifest is empty', `Its first line names the columns: ${COLUMNS.join(',')}.`);
  return rest.map(({ line, fields }) => {
    if (fields.length !== head.fields.length) {
      refuse(`it has ${fields.length} fields, the header has ${head.fields.length}`, 'Check its commas and quotes.', line);
    }
    return { row: line, values: Object.fromEntries(head.fields.map((name, index) => [name, fields[index]])) };
  });
}

function readJson(text: string): Raw[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    refuse(`it is not JSON: ${(error as Error).message}`, 'Correct it, or name a CSV file *.csv.');
  }
  if (!Array.isArray(list)) refuse('it is not a list', 'Write a list of objects, one a hub.');
  return list.map((values: unknown, index) => {
    if (typeof values !== 'object' || values === null) refuse('it is not an object', 'Write one object a hub.', index + 1);
    return { row: index + 1, values: values as Record<string, unknown> };
  });
}

function understand({ row, values }: Raw, folder: string): { hub: ManifestRow | null; problems: RowProblem[] } {
  const problems: RowProblem[] = [];
  for (const name of Object.keys(values)) {
    if (!(COLUMNS as readonly string[]).includes(name)) {
      problems.push({ row, field: name, message: 'the column is unknown', remedy: `Remove it, or use one of ${COLUMNS.join(', ')}.` });
    }
  }
  const { certificate, key, ...rest } = Object.fromEntries(COLUMNS.map((name) => [name, values[name] === '' ? undefined : values[name]]));
  const identity = whoIsIt.safeParse(rest);
  for (const issue of identity.error?.issues ?? []) {
    problems.push({ row, field: issue.path.join('.'), message: issue.message, remedy: 'Correct it in the manifest.' });
  }
  const paths = Object.entries({ certificate, key }).map(([field, path]) => {
    if (path === undefined || path === null) return null;
    if (typeof path === 'string') return resolve(folder, path);
    problems.push({ row, field, message: 'it is not a path', remedy: 'Name a PEM file.' });
    return null;
  });
  if (!identity.success || problems.length > 0) return { hub: null, problems };
  const [certificatePath = null, keyPath = null] = paths;
  return { hub: { row, ...identity.data, thingName: identity.data.thingName ?? null, certificatePath, keyPath }, problems };
}

/** The name that must be unique is said together with the row that has it already. */
function duplicates(rows: readonly ManifestRow[]): RowProblem[] {
  const unique: readonly (readonly [field: string, keyOf: (row: ManifestRow) => string])[] = [
    ['hubId', ({ hubId }) => hubId.toLowerCase()],
    // Also of two vendors: ProvisionHub takes a hub without its vendor, so the serial alone must tell it.
    ['serial', ({ serial }) => serial],
    ['thingName', thingNameOf],
  ];
  return unique.flatMap(([field, keyOf]) => {
    const first = new Map<string, ManifestRow>();
    return rows.flatMap((hub): RowProblem[] => {
      const value = keyOf(hub);
      const before = first.get(value);
      if (before === undefined) first.set(value, hub);
      // Two defaults are one hubId, which is told already.
      if (before === undefined || (field === 'thingName' && hub.thingName === null && before.thingName === null)) return [];
      return [{ row: hub.row, field, message: `it is also that of row ${before.row}`, remedy: 'Give each hub its own.' }];
    });
  });
}

/** Reads a manifest, CSV or JSON by the end of its name. @throws Refused with every problem of every row. */
export async function readManifest(path: string): Promise<ManifestRow[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) =>
    refuse(`${path} cannot be read (${error.code})`, 'Check the path and its rights.'),
  );
  const raw = path.toLowerCase().endsWith('.csv') ? readCsv(text) : readJson(text);
  if (raw.length === 0) refuse('it names no hub', 'Write one row a hub.');
  if (raw.length > MAX_ROWS) refuse(`it has ${raw.length} rows, at most ${MAX_ROWS} are taken`, 'Split it.');
  const understood = raw.map((row) => understand(row, dirname(resolve(path))));
  const rows = understood.flatMap(({ hub }) => hub ?? []);
  const problems = [...understood.flatMap((one) => one.problems), ...duplicates(rows)];
  if (problems.length > 0) throw new Refused(problems);
  return rows;
}
