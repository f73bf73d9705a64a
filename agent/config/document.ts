import agentJsonSchema from '../../systemd/schema/agent.schema.json' with { type: 'json' };
import identityJsonSchema from '../../systemd/schema/identity.schema.json' with { type: 'json' };
import type { Files } from '../system/files.ts';
import { check, type Schema } from '../system/schema.ts';
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

/** The JSON Schemas, which are made of the zod schemas: what they take needs no zod, its 6 MB and 40 ms at every start (measured). */
const SCHEMAS = { agent: agentJsonSchema as unknown as Schema, identity: identityJsonSchema as unknown as Schema };

/** Reads a JSON file and checks it against the schema of its kind. Problems are gathered, never thrown. */
export async function loadDocument<T>(files: Pick<Files, 'read'>, file: string, kind: keyof typeof SCHEMAS): Promise<Document<T>> {
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
  const quick = check(SCHEMAS[kind], json.value);
  if (quick.ok) return { file, raw: json.value, value: quick.value as T, problems };
  const { explain } = await import('./explain.ts');
  const explained = explain(kind, json.value);
  problems.push(...explained.problems.map((problem) => ({ file, ...problem })));
  return { file, raw: json.value, value: explained.value as T | null, problems };
}
