import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync } from 'oxc-parser';

/** One import of a file of the project, static, dynamic, or of a type. Paths are relative to the project's root. */
export interface Import {
  from: string;
  to: string;
  line: number;
}

/** `import('./x.ts')`, also of a type, which the parser does not list. */
const TYPE_IMPORT = /\bimport\(\s*'([^']+)'\s*\)/g;

/** Every import of a file as it is written: of another file, or of a package. @throws Error for a file that does not parse */
function requestsOf(root: string, from: string): { value: string; line: number }[] {
  const text = readFileSync(join(root, from), 'utf8');
  const { module, errors } = parseSync(from, text);
  if (errors.length > 0) throw new Error(`${from}: ${errors[0]!.message}`);
  const found = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest ?? [])),
  ].map(({ value, start }) => ({ value, start }));
  for (const match of text.matchAll(TYPE_IMPORT)) found.push({ value: match[1]!, start: match.index });
  return found.map(({ value, start }) => ({ value, line: text.slice(0, start).split('\n').length }));
}

/** Every package or module of Node that a file imports. @throws Error for a file that does not parse */
export function modulesOf(root: string, from: string): { name: string; line: number }[] {
  return requestsOf(root, from).flatMap(({ value, line }) => (value.startsWith('.') ? [] : [{ name: value, line }]));
}

/** Every import in a file that names another file of the project. @throws Error for a file that does not parse */
export function importsOf(root: string, from: string): Import[] {
  const imports = requestsOf(root, from)
    .filter(({ value }) => value.startsWith('.'))
    .map(({ value, line }) => ({ from, to: normalize(join(dirname(from), value)), line }));
  return imports.filter(({ to }) => existsSync(join(root, to)) && statSync(join(root, to)).isFile());
}
