import type * as z from 'zod';
import { parseJson } from '../../config/json.ts';
import { INTERPRETED } from '../../system/parse-options.ts';

/** What zod exposes of a schema's inside. */
interface Inside {
  def: { type: string; innerType?: Inside; element?: Inside; options?: Inside[] };
  shape?: Record<string, Inside>;
}

const WRAPPERS = ['default', 'optional', 'nullable', 'prefault', 'readonly', 'nonoptional', 'catch'];
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const accepts = (schema: Inside, value: unknown) => (schema as unknown as z.ZodType).safeParse(value, INTERPRETED).success;
const refused = (value: unknown) => `(a value that the schema refuses: ${Array.isArray(value) ? 'list' : typeof value})`;

function pick(schema: Inside, value: unknown): unknown {
  const { def, shape } = schema;
  if (value === null) return accepts(schema, value) ? null : refused(value);
  if (WRAPPERS.includes(def.type) && def.innerType) return pick(def.innerType, value);
  if (shape && isObject(value)) {
    const known = Object.keys(value).filter((name) => Object.hasOwn(shape, name));
    const leftOut = Object.keys(value).length - known.length;
    const picked = Object.fromEntries(known.map((name) => [name, pick(shape[name]!, value[name])]));
    // Not even the names: one may be a value that came there by mistake.
    return leftOut === 0 ? picked : { ...picked, '(fields that the schema does not know)': leftOut };
  }
  if (def.type === 'array' && def.element && Array.isArray(value)) return value.map((one) => pick(def.element!, one));
  const option = def.type === 'union' && isObject(value) ? def.options?.find(({ shape: inner }) => inner) : undefined;
  if (option) return pick(option, value);
  return accepts(schema, value) ? value : refused(value);
}

/**
 * A configuration file as far as its schema names it: known fields with values that the schema accepts. Everything else may be a secret that was
 * written there by mistake, and only its type is named. Never raw text.
 */
export function allowedFields(schema: z.ZodType, text: string): unknown {
  const json = parseJson(text);
  if (!json.ok) return { problem: `it is not JSON: line ${json.fault.line}, column ${json.fault.column}` };
  return pick(schema as unknown as Inside, json.value);
}
