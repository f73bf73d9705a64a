import type * as z from 'zod';

/** A schema without zod's wrappers (default, optional, nullable, prefault). */
export function unwrapped(schema: z.ZodType): z.ZodType {
  let inner: unknown = schema;
  while (inner && typeof inner === 'object' && 'def' in inner) {
    const def = inner.def as { innerType?: unknown };
    if (!def.innerType) break;
    inner = def.innerType;
  }
  return inner as z.ZodType;
}
