import type * as z from 'zod';
import type { Files } from '../system/files.ts';
import { INTERPRETED } from '../system/parse-options.ts';
import { explainIssues } from './issues.ts';
import { parseJson } from './json.ts';
import type { ConfigProblem } from './problems.ts';
import { readText } from './read.ts';

/** A configuration file as far as it could be understood. */
export interface Document<T> {
  file: string;
  /** The JSON as written; undefined when the file could not be read or parsed. */
  raw: unknown;
  /** Defaults filled in; null when the schema found problems. */
  value: T | null;
  problems: ConfigProblem[];
}

/** Reads a JSON file and checks it against its schema. Problems are gathered, never thrown. */
export async function loadDocument<S extends z.ZodType>(
  files: Pick<Files, 'read'>,
  file: string,
  schema: S,
): Promise<Document<z.output<S>>> {
  const unusable = (problem: Omit<ConfigProblem, 'file'>) => ({ file, raw: undefined, value: null, problems: [{ file, ...problem }] });
  const read = await readText(files, file);
  if (!read.ok) return unusable({ field: '', ...read.problem });
  const json = parseJson(read.text);
  if (!json.ok) {
    const { line, column, message, remedy } = json.fault;
    return unusable({ field: '', message: `it is not JSON: line ${line}, column ${column}: ${message}`, remedy });
  }
  const problems: ConfigProblem[] = json.duplicates.map(({ field, line }) => ({
    file,
    field,
    message: `this key stands a second time in line ${line}`,
    remedy: 'Remove one of them: only the last would count.',
  }));
  const parsed = schema.safeParse(json.value, INTERPRETED);
  if (!parsed.success) problems.push(...explainIssues(parsed.error, schema, json.value).map((problem) => ({ file, ...problem })));
  return { file, raw: json.value, value: parsed.success ? parsed.data : null, problems };
}
