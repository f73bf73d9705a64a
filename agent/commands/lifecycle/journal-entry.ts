import * as z from 'zod';
import { INTERPRETED } from '../../system/parse-options.ts';
import { parseSealed } from '../../system/seal.ts';
import type { Entry } from './entry.ts';

/** Format of the journal's records. */
export const FORMAT = 1;

/** What may be a file name of ours, and a level of a topic. Shadow ids and the UUIDs of AWS IoT Commands fit. */
const SAFE_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** True when a command with this id can be journaled, and answered on its topic. */
export function isSafeId(id: string): boolean {
  return SAFE_ID.test(id);
}

const time = z.number().nonnegative();
const outcome = z.discriminatedUnion('status', [
  z.object({ status: z.literal('SUCCEEDED'), result: z.looseObject({}) }),
  z.object({ status: z.enum(['FAILED', 'REJECTED', 'TIMED_OUT']), error: z.looseObject({ code: z.string(), message: z.string() }) }),
]);
const schema = z.object({
  format: z.literal(FORMAT),
  entry: z.object({
    id: z.string(),
    intake: z.enum(['shadow', 'executions']),
    command: z.string(),
    stage: z.enum(['seen', 'taken', 'finished', 'delivered']),
    repeatable: z.boolean(),
    args: z.looseObject({}).nullable(),
    receivedAt: time,
    finishedAt: time.nullable(),
    outcome: outcome.nullable(),
    answered: z.object({ status: z.enum(['SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT']), code: z.string().nullable() }).optional(),
  }),
});

/** The record of the command with this id. @throws Error when it is damaged, or the record of another command */
export function parseEntry(data: Buffer, id: string): Entry {
  const parsed = schema.safeParse(parseSealed(data), INTERPRETED);
  if (!parsed.success) throw new Error('not a journal entry');
  const { entry } = parsed.data;
  if (entry.id !== id) throw new Error('the record of another command');
  // Its answer could be published nowhere, and would be tried for ever.
  if (!isSafeId(id)) throw new Error('its id is none of ours');
  if (entry.stage === 'finished' && entry.outcome === null) throw new Error('finished without an outcome');
  return entry as unknown as Entry;
}
