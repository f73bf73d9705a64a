/**
 * The part of JSON Schema (draft 2020-12) that the project's documents need; a keyword that is not here is not understood. Beside the standard: a
 * `default` is filled in, and a key that an object does not know is dropped where `additionalProperties` is left out.
 */
export interface Schema {
  type?: TypeName | readonly TypeName[];
  const?: unknown;
  enum?: readonly unknown[];
  /** The first one that takes the value. */
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  /** false: refused; true: kept; left out: dropped. */
  additionalProperties?: boolean;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string | RegExp;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  /** Say nothing of a value; a `format` stands beside the pattern that holds it. */
  $schema?: string;
  title?: string;
  description?: string;
  format?: string;
}

type TypeName = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';

/** What was taken, with its defaults; or the first field that was not, as a path such as `buses[0].id`, and what it must be. */
export type Checked = { ok: true; value: unknown } | { ok: false; field: string; message: string };

/** Deeper than any of our documents; what is nested further is no document of ours. */
const MAX_DEPTH = 32;

class Fault extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** Checks a value that came from outside; never throws. Small and quick, for what is nearly always right: zod explains the rest to people. */
export function check(schema: Schema, value: unknown): Checked {
  try {
    return { ok: true, value: taken(schema, value, '', 0) };
  } catch (error) {
    return error instanceof Fault
      ? { ok: false, field: error.field, message: error.message }
      : { ok: false, field: '', message: 'cannot be read' };
  }
}

/** The value as the schema takes it. @throws Error with `otherwise`, which quotes nothing of the value */
export function parsed<T>(schema: Schema, value: unknown, otherwise: string): T {
  const result = check(schema, value);
  if (!result.ok) throw new Error(otherwise);
  return result.value as T;
}

function typeOf(value: unknown): TypeName | 'undefined' {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  return type === 'object' || type === 'string' || type === 'boolean' ? type : Number.isFinite(value) ? 'number' : 'undefined';
}

/** JSON Schema counts the characters of Unicode, not their UTF-16 units. */
const charactersOf = (text: string) => [...text].length;

function hasType(value: unknown, name: TypeName): boolean {
  return name === 'integer' ? Number.isSafeInteger(value) : typeOf(value) === name;
}

function taken(schema: Schema, given: unknown, field: string, depth: number): unknown {
  const refuse = (must: string): never => {
    throw new Fault(field, `must be ${must}`);
  };
  if (depth > MAX_DEPTH) refuse('less deep');
  const value = given === undefined ? structuredClone(schema.default) : given;
  const { type, enum: choices, anyOf = schema.oneOf } = schema;
  if (anyOf) return takenByOne(anyOf, value, field, depth);
  if (type !== undefined) {
    const names = typeof type === 'string' ? [type] : type;
    if (!names.some((name) => hasType(value, name))) refuse(names.join(' or '));
  }
  if (schema.const !== undefined && value !== schema.const) refuse(JSON.stringify(schema.const));
  if (choices && !choices.includes(value)) refuse(`one of ${choices.map((one) => JSON.stringify(one)).join(', ')}`);
  if (typeof value === 'string') {
    if (charactersOf(value) < (schema.minLength ?? 0)) refuse(`at least ${schema.minLength} characters long`);
    if (charactersOf(value) > (schema.maxLength ?? Number.POSITIVE_INFINITY)) refuse(`at most ${schema.maxLength} characters long`);
    if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) refuse(`as ${schema.pattern}`);
  }
  if (typeof value === 'number') {
    if (value < (schema.minimum ?? Number.NEGATIVE_INFINITY)) refuse(`at least ${schema.minimum}`);
    if (value > (schema.maximum ?? Number.POSITIVE_INFINITY)) refuse(`at most ${schema.maximum}`);
  }
  if (Array.isArray(value)) return takenList(schema, value, field, depth);
  return typeof value === 'object' && value !== null ? takenObject(schema, value, field, depth) : value;
}

function takenByOne(choices: readonly Schema[], value: unknown, field: string, depth: number): unknown {
  let fault: Fault | null = null;
  for (const choice of choices) {
    try {
      return taken(choice, value, field, depth + 1);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault ??= error;
    }
  }
  throw fault ?? new Fault(field, 'has no choice');
}

function takenList(
  { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY }: Schema,
  list: unknown[],
  field: string,
  depth: number,
): unknown[] {
  if (list.length < minItems || list.length > maxItems) throw new Fault(field, `must be a list of ${minItems} to ${maxItems} entries`);
  return items ? list.map((entry, index) => taken(items, entry, `${field}[${index}]`, depth + 1)) : list;
}

function takenObject(schema: Schema, value: object, field: string, depth: number): object {
  const { properties, required = [], additionalProperties } = schema;
  if (!properties) return value;
  const own = value as Record<string, unknown>;
  const at = (key: string) => (field === '' ? key : `${field}.${key}`);
  const missing = required.find((key) => !Object.hasOwn(own, key) || own[key] === undefined);
  if (missing !== undefined) throw new Fault(at(missing), 'is missing');
  const unknown = Object.keys(own).filter((key) => !Object.hasOwn(properties, key));
  if (additionalProperties === false && unknown.length > 0) throw new Fault(at(unknown[0]!), 'is not known');
  const result = additionalProperties === true ? unknown.map((key) => [key, own[key]] as const) : [];
  for (const [key, property] of Object.entries(properties)) {
    const present = Object.hasOwn(own, key) ? own[key] : undefined;
    if (present !== undefined || property.default !== undefined) result.push([key, taken(property, present, at(key), depth + 1)]);
  }
  // Its entries become its own, also one that is called __proto__.
  return Object.fromEntries(result);
}
