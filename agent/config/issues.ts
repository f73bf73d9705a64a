import type * as z from 'zod';
import { nearest } from '../system/nearest.ts';
import { type ConfigProblem, fieldPath } from './problems.ts';
import { unwrapped } from './schema.ts';

type Problem = Omit<ConfigProblem, 'file'>;
type Issue = z.core.$ZodIssue;

/** The schema of one field; for a choice between objects, the choice that the input names by its discriminator. */
function schemaAt(schema: z.ZodType, path: readonly PropertyKey[], input: unknown): z.ZodType | null {
  const inner = unwrapped(schema);
  const def = inner.def as {
    type: string;
    shape?: Record<string, z.ZodType>;
    element?: z.ZodType;
    options?: z.ZodType[];
    discriminator?: string;
  };
  if (def.type === 'union' && def.discriminator) {
    const tag = (input as Record<string, unknown> | undefined)?.[def.discriminator];
    const fits = (option: z.ZodType) => {
      const field = schemaAt(option, [def.discriminator!], input)?.def as { values?: unknown[] } | undefined;
      return field?.values?.includes(tag) ?? false;
    };
    const option = def.options?.find(fits) ?? def.options?.[0];
    return option ? schemaAt(option, path, input) : null;
  }
  const [head, ...rest] = path;
  if (head === undefined) return schema;
  const value = (input as Record<PropertyKey, unknown> | null | undefined)?.[head];
  const next = def.shape ? def.shape[String(head)] : def.element;
  return next ? schemaAt(next, rest, value) : null;
}

function knownKeys(schema: z.ZodType | null): string[] {
  const shape = schema && (unwrapped(schema).def as { shape?: object }).shape;
  return shape ? Object.keys(shape) : [];
}

/** The value that the input has at `path`. */
function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | null | undefined)?.[part], input);
}

const ARTICLES: Record<string, string> = {
  string: 'a text in double quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list [ … ]',
  object: 'an object { … }',
  null: 'null',
};

const eitherOf = (values: readonly unknown[]) => {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.length < 2 ? texts.join() : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
};

/** What a failed check requires, as the end of "must be …"; null when the schema's own message already says it. */
function wanted(issue: Issue): string | null {
  switch (issue.code) {
    case 'invalid_type':
      return ARTICLES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return eitherOf(issue.values);
    case 'too_small':
    case 'too_big': {
      const [word, bound] = issue.code === 'too_small' ? ['at least', issue.minimum] : ['at most', issue.maximum];
      if (issue.origin === 'string') return `${word} ${bound} characters long`;
      if (issue.origin === 'array') return `a list of ${word} ${bound} entries`;
      return `${word} ${bound}`;
    }
    case 'invalid_union':
      if (issue.discriminator) return eitherOf((issue as { options?: unknown[] }).options ?? []);
      return issue.errors
        .flatMap((branch) => branch.map(wanted))
        .filter((text) => text !== null)
        .join(', or ');
    default:
      return null;
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function unknownKeys(issue: Extract<Issue, { code: 'unrecognized_keys' }>, schema: z.ZodType, input: unknown): Problem[] {
  const known = knownKeys(schemaAt(schema, issue.path, input));
  return issue.keys.map((name) => {
    const guess = nearest(name, known);
    return {
      field: fieldPath([...issue.path, name]),
      message: 'this key is not known',
      remedy: guess ? `Did you mean "${guess}"?` : `Remove it; known here: ${known.filter((key) => key !== '$schema').join(', ')}.`,
    };
  });
}

/** Zod's findings in words for the person who wrote the file. The remedy quotes the schema's own description of the field. */
export function explainIssues(error: z.ZodError, schema: z.ZodType, input: unknown): Problem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return unknownKeys(issue, schema, input);
    const value = valueAt(input, issue.path);
    const fieldSchema = schemaAt(schema, issue.path, input);
    const description = fieldSchema?.description ?? (fieldSchema && unwrapped(fieldSchema).description);
    const isChoice = issue.code === 'invalid_union' && issue.discriminator !== undefined;
    // The description of a choice between objects is that of one of them.
    const meaning = description && !isChoice ? ` Meaning: ${description}` : '';
    const field = fieldPath(issue.path);
    const want = wanted(issue);
    if (value === undefined && field !== '') {
      return [{ field, message: 'it is missing', remedy: `Add it${want ? `: ${want}` : ''}.${meaning}` }];
    }
    const demand =
      isChoice || issue.code === 'invalid_value' ? `Use ${want}.` : want === null ? `It ${issue.message}.` : `It must be ${want}.`;
    return [{ field, message: `${shown(value)} is not valid`, remedy: `${demand}${meaning}` }];
  });
}
