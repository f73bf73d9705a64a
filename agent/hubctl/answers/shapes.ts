import type { Schema } from '../../system/schema.ts';

/** The fields that a type may lack. */
type Optional<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? Key : never }[keyof T];

/** Any text; a word that only a newer agent knows is one too. */
export const TEXT: Schema = { type: 'string' };
/** Any number. */
export const NUMBER: Schema = { type: 'number' };
/** Yes or no. */
export const FLAG: Schema = { type: 'boolean' };
/** Any object. */
export const OBJECT: Schema = { type: 'object' };

/** A list of things of one shape. */
export const listOf = (items: Schema): Schema => ({ type: 'array', items });

/** The shape, or null. */
export const orNull = (shape: Schema): Schema =>
  shape.type === undefined ? { anyOf: [shape, { type: 'null' }] } : { ...shape, type: [shape.type, 'null'].flat() as Schema['type'] };

/** The shape of a type with all its fields: a field that is added to the type is an error of the compiler here. A word is any text. */
export const objectOf = <T>(
  required: Readonly<Record<Exclude<keyof T, Optional<T>>, Schema>>,
  optional: Readonly<Record<Optional<T>, Schema>>,
): Schema => ({ type: 'object', properties: { ...optional, ...required }, required: Object.keys(required) });

/** Objects whose shape depends on one of their words. One with a word that is not in the table has the shape `otherwise`. */
export function byWord(field: string, shapes: Readonly<Record<string, Schema>>, otherwise: Schema): Schema {
  const withWord = (shape: Schema, word: Schema): Schema => ({
    ...shape,
    properties: { ...shape.properties, [field]: word },
    required: [...(shape.required ?? []), field],
  });
  const words = Object.keys(shapes);
  const other = withWord(otherwise, { type: 'string', pattern: new RegExp(`^(?!(?:${words.join('|')})$)`) });
  return { anyOf: [other, ...words.map((word) => withWord(shapes[word]!, { const: word }))] };
}
