import type * as z from 'zod';
import { INTERPRETED } from '../system/parse-options.ts';
import { objectOf } from './locations.ts';
import { unwrapped } from './schema.ts';

/** A document as far as it can be used: what is missing or wrong, and has no default, is absent. */
export type Lenient<T> = T extends readonly (infer E)[]
  ? (Lenient<E> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Lenient<T[Key]> | undefined }
    : T;

interface Inside {
  type: string;
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  options?: z.ZodType[];
}

function usable(schema: z.ZodType, input: unknown): unknown {
  const parsed = schema.safeParse(input, INTERPRETED);
  if (parsed.success) return parsed.data;
  const { type, shape, element, options } = unwrapped(schema).def as unknown as Inside;
  if (shape) {
    const object = objectOf(input);
    return Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, usable(field, object[name])]));
  }
  if (element && Array.isArray(input)) return input.map((each) => usable(element, each));
  // A choice between objects, of which none is named rightly.
  const object = options?.find((option) => 'shape' in option.def);
  if (object) return usable(object, input);
  // A text of the wrong form is still what was meant: a check that follows it finds out more than one that has nothing.
  if (type === 'string' && typeof input === 'string' && input !== '') return input;
  const byDefault = schema.safeParse(undefined, INTERPRETED);
  return byDefault.success ? byDefault.data : undefined;
}

/**
 * The lenient mode of the configuration: takes of a JSON value what its schema can use, field by field, with the schema's defaults. For tools that
 * must work beside a wrong configuration; its problems are reported by `loadConfig`. Never throws.
 */
export function readLeniently<S extends z.ZodType>(schema: S, input: unknown): Lenient<z.output<S>> {
  return usable(schema, input) as Lenient<z.output<S>>;
}
