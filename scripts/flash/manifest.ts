import { dirname, resolve } from 'node:path';
import { identitySchema } from '../../agent/config/identity-schema.ts';
import { Refused, type RowProblem } from './problems.ts';
import { COLUMNS, readCsvTable, readJsonTable, type TableRow } from './table.ts';
import { readText } from './text.ts';

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

/** Credentials are held for all at once, about 4 KB each; a larger batch can be several. */
const MAX_ROWS = 10_000;
/** Longer than the path of any PEM file at a station. */
const MAX_PATH_LENGTH = 1_024;
/** How DER in base64 begins, the inside of a PEM file: a SEQUENCE of 128 bytes and more. */
const BARE_BASE64 = /^MI[A-Za-z0-9+/=]{100,}$/;
const whoIsIt = identitySchema.pick({ hubId: true, serial: true, model: true, vendorName: true, thingName: true });

function refuse(message: string, remedy: string): never {
  throw new Refused([{ row: null, field: '', message, remedy }]);
}

/** The path of a PEM file; null when the field is empty. What it holds else is never repeated: it may be the key. */
function pathOf(value: unknown, folder: string, report: (message: string, remedy: string) => void): string | null {
  if (value === undefined) return null;
  if (typeof value !== 'string') report('it is not a path', 'Name a PEM file.');
  else if (value.includes('-----BEGIN') || /[\r\n]/.test(value) || value.length > MAX_PATH_LENGTH || BARE_BASE64.test(value)) {
    report('it holds a PEM and not the path of one', 'Write the PEM into a file of mode 0600, and name that file here.');
  } else return resolve(folder, value);
  return null;
}

function understand({ row, values }: TableRow, folder: string): { hub: ManifestRow | null; problems: RowProblem[] } {
  const problems: RowProblem[] = [];
  const report = (field: string, message: string, remedy: string) => problems.push({ row, field, message, remedy });
  const { certificate, key, ...rest } = Object.fromEntries(
    COLUMNS.map((name) => [name, values[name] === '' || values[name] === null ? undefined : values[name]]),
  );
  const identity = whoIsIt.safeParse(rest);
  for (const { path, message } of identity.error?.issues ?? []) {
    const field = path.join('.');
    report(field, rest[field] === undefined ? 'it is missing' : message, 'Correct it in the manifest.');
  }
  const certificatePath = pathOf(certificate, folder, (message, remedy) => report('certificate', message, remedy));
  const keyPath = pathOf(key, folder, (message, remedy) => report('key', message, remedy));
  if (!identity.success || problems.length > 0) return { hub: null, problems };
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
      // Two defaults are one hubId, which is reported already.
      if (before === undefined || (field === 'thingName' && hub.thingName === null && before.thingName === null)) return [];
      return [{ row: hub.row, field, message: `it is also that of row ${before.row}`, remedy: 'Give each hub its own.' }];
    });
  });
}

/** A manifest as far as it could be understood: the rows that are right, and every problem of the others. */
export interface ManifestRead {
  rows: ManifestRow[];
  problems: RowProblem[];
}

/** Reads a manifest, CSV or JSON by the end of its name. @throws Refused for one that has no rows. */
export async function readManifest(path: string): Promise<ManifestRead> {
  const text = await readText(path, '');
  const raw = path.toLowerCase().endsWith('.csv') ? readCsvTable(text) : readJsonTable(text);
  if (raw.length === 0) refuse('it names no hub', 'Write one row a hub.');
  if (raw.length > MAX_ROWS) refuse(`it has ${raw.length} rows, at most ${MAX_ROWS} are taken`, 'Split it.');
  const understood = raw.map((row) => understand(row, dirname(resolve(path))));
  const rows = understood.flatMap(({ hub }) => hub ?? []);
  return { rows, problems: [...understood.flatMap((one) => one.problems), ...duplicates(rows)] };
}
