import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { agentSchema } from '../../../agent/config/agent-schema.ts';
import { loadDocument } from '../../../agent/config/document.ts';
import { identitySchema } from '../../../agent/config/identity-schema.ts';
import { check, type Schema } from '../../../agent/system/schema.ts';
import { createRandom } from '../../support/random.ts';

/**
 * The agent takes a configuration without zod when the JSON Schema takes it. Both must then take the same documents, with the same values: zod
 * is the judge, over many seeded changes of sound documents.
 */
const SYSTEMD = join(import.meta.dirname, '../../../systemd');
const json = async (path: string) => JSON.parse(await readFile(join(SYSTEMD, path), 'utf8')) as unknown;
const SEED = 4711;
const CHANGES = 4_000;

const KINDS = [
  {
    kind: 'agent',
    zod: agentSchema,
    schema: (await json('schema/agent.schema.json')) as Schema,
    example: await json('example/agent.json'),
  },
  {
    kind: 'identity',
    zod: identitySchema,
    schema: (await json('schema/identity.schema.json')) as Schema,
    example: await json('example/identity.json'),
  },
] as const;

/** Every key and default of a schema, spelled out: more places to change than the example has. */
function full(schema: Schema): unknown {
  const choices = schema.anyOf ?? schema.oneOf;
  if (schema.default !== undefined && !schema.properties) return schema.default;
  if (choices) return full(choices[0]!);
  if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).map(([key, each]) => [key, full(each)]));
  if (schema.type === 'array') return schema.items ? [full(schema.items)] : [];
  return schema.const ?? schema.enum?.[0] ?? schema.minimum ?? (schema.type === 'boolean' ? false : 'x');
}

const ODD: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    0.5,
    15,
    16,
    30,
    1e9,
    2 ** 53,
    '',
    'x',
    'osdp',
    'auto',
    'none',
    '0-126',
    'a b',
    '\u0000',
    'a\nb',
    '😀',
    'credential:x',
  ],
  ...[
    'credential:../x',
    'credential:',
    'x'.repeat(64),
    'x'.repeat(128),
    '😀'.repeat(64),
    '😀'.repeat(65),
    'x'.repeat(4096),
    [],
    [1],
    [[]],
    {},
    { id: 1 },
  ],
];

type Places = { holder: Record<string, unknown> | unknown[]; key: string | number }[];

function placesOf(value: unknown, places: Places = []): Places {
  if (typeof value !== 'object' || value === null) return places;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    places.push({ holder: value as Record<string, unknown>, key });
    placesOf((value as Record<string | number, unknown>)[key], places);
  }
  return places;
}

test.each(KINDS)('$kind: the JSON Schema takes what zod takes, with the same values', ({ zod, schema, example }) => {
  const random = createRandom(SEED);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.unit() * items.length)]!;
  const bases = [example, { ...(full(schema) as object), ...(example as object) }, full(schema)];
  let taken = 0;
  for (let index = 0; index < CHANGES; index += 1) {
    const document = structuredClone(pick(bases));
    for (let changes = Math.floor(random.unit() * 3); changes > 0; changes -= 1) {
      const places = placesOf(document);
      if (places.length === 0) break;
      const { holder, key } = pick(places);
      const what = random.unit();
      if (what < 0.15) Array.isArray(holder) ? holder.splice(key as number, 1) : delete holder[key];
      else if (what < 0.25 && !Array.isArray(holder)) holder[pick(['unknown', '__proto__x', 'path', 'id'])] = pick(ODD);
      else (holder as Record<string | number, unknown>)[key] = structuredClone(pick(ODD));
    }
    const judged = zod.safeParse(document);
    const quick = check(schema, document);
    const hint = `seed ${SEED}, change ${index}: ${JSON.stringify(document)}`;
    expect(quick.ok, hint).toBe(judged.success);
    if (!quick.ok || !judged.success) continue;
    taken += 1;
    expect(quick.value, hint).toEqual(judged.data);
  }
  // The run means something only when it saw both.
  expect(taken).toBeGreaterThan(CHANGES / 20);
  expect(taken).toBeLessThan((CHANGES * 19) / 20);
});

test('a document that is wrong is explained by zod, one that is right needs none', async () => {
  const load = (text: string) => loadDocument({ read: async () => Buffer.from(text) }, '/etc/agent.json', 'agent');
  expect(await load('{"cloud": {"endpoint": "x", "caPath": "ca.pem"}}')).toMatchObject({ value: { heartbeatMinutes: 15 }, problems: [] });
  const wrong = await load('{"cloud": {"endpoint": "x", "caPath": "ca.pem", "prot": 1}}');
  expect(wrong).toMatchObject({ value: null, problems: [{ field: 'cloud.prot', remedy: 'Did you mean "port"?' }] });
});
