import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';

/**
 * Fields that each log line of a folder has already: pino's own, and what the logger of the part binds (`Log.child`). A line that names one again has
 * the key twice, which JSON leaves without a meaning (RFC 8259, section 4).
 */
const BOUND: Readonly<Record<string, readonly string[]>> = {
  agent: ['level', 'time', 'msg', 'part'],
  'agent/nodes/osdp': ['bus'],
  'agent/nodes/zigbee': ['bus'],
  'agent/compose/unavailable-bus.ts': ['bus'],
};

const LOGGER = /^log$|Log$/;

interface Syntax {
  type: string;
  start: number;
  [part: string]: unknown;
}

const isSyntax = (value: unknown): value is Syntax => typeof value === 'object' && value !== null && 'type' in value;

/** Every node below this one. */
function* below(value: unknown): Generator<Syntax> {
  if (Array.isArray(value)) for (const each of value) yield* below(each);
  else if (isSyntax(value)) {
    yield value;
    for (const part of Object.values(value)) if (typeof part === 'object') yield* below(part);
  }
}

/** Keys that an object literal names itself. */
function keysOf(literal: Syntax): { name: string; start: number }[] {
  return (literal.properties as Syntax[]).flatMap(({ key, start }) => {
    const { name, value } = (key ?? {}) as { name?: string; value?: unknown };
    const text = name ?? value;
    return typeof text === 'string' ? [{ name: text, start }] : [];
  });
}

/** The name of what a method is called on: `log` of `deps.log.warn(…)`. */
function nameOf(object: unknown): string {
  if (!isSyntax(object)) return '';
  return String(object.name ?? (object.property as Syntax | undefined)?.name ?? '');
}

/** Fields that a file's log lines have twice, and bound fields that `BOUND` does not know. */
export function logLineProblems(root: string, file: string): { line: number; reason: string }[] {
  const text = readFileSync(join(root, file), 'utf8');
  const folders = Object.keys(BOUND).filter((folder) => file === folder || file.startsWith(`${folder}/`));
  const bound = new Set(folders.flatMap((folder) => BOUND[folder]!));
  const known = new Set(Object.values(BOUND).flat());
  const problems: { line: number; reason: string }[] = [];
  const report = (start: number, reason: string) => problems.push({ line: text.slice(0, start).split('\n').length, reason });
  if (bound.size === 0) return problems;
  for (const node of below(parseSync(file, text).program)) {
    const { callee, arguments: given } = node as unknown as { callee?: Syntax; arguments?: Syntax[] };
    if (node.type !== 'CallExpression' || callee?.type !== 'MemberExpression' || !LOGGER.test(nameOf(callee.object))) continue;
    const [fields] = given ?? [];
    if (fields?.type !== 'ObjectExpression') continue;
    const isChild = !callee.computed && (callee.property as Syntax).name === 'child';
    for (const { name, start } of keysOf(fields)) {
      if (isChild && !known.has(name)) report(start, `the logger binds "${name}", which scripts/lint/log-lines.ts BOUND does not know`);
      if (!isChild && bound.has(name)) report(start, `the log line has "${name}" twice: the logger adds it`);
    }
  }
  return problems;
}
