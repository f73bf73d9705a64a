import { parsed, type Schema } from '../../system/schema.ts';
import { parseSealed } from '../../system/seal.ts';
import type { Entry } from './entry.ts';

/** Format of the journal's records. */
export const FORMAT = 1;

/**
 * What may be a file name of ours, and a level of a topic. Shadow ids and the UUIDs of AWS IoT Commands fit. With the longest name of a Thing, 128
 * characters, the topics stay within the 256 bytes that AWS IoT takes: a longer one ends the connection, and would do so again on each one.
 */
const SAFE_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** True when a command with this id can be journaled, and answered on its topic. */
export function isSafeId(id: string): boolean {
  return SAFE_ID.test(id);
}

const TEXT: Schema = { type: 'string' };
const OUTCOME: Schema = {
  anyOf: [
    { type: 'null' },
    { type: 'object', properties: { status: { const: 'SUCCEEDED' }, result: { type: 'object' } }, required: ['status', 'result'] },
    {
      type: 'object',
      properties: {
        status: { enum: ['FAILED', 'REJECTED', 'TIMED_OUT'] },
        error: { type: 'object', properties: { code: TEXT, message: TEXT }, required: ['code', 'message'], additionalProperties: true },
      },
      required: ['status', 'error'],
    },
  ],
};
const ANSWERED: Schema = {
  type: 'object',
  properties: { status: { enum: ['SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT'] }, code: { type: ['string', 'null'] } },
  required: ['status', 'code'],
};
const ENTRY: Schema = {
  type: 'object',
  properties: {
    id: TEXT,
    intake: { enum: ['shadow', 'executions'] },
    command: TEXT,
    stage: { enum: ['seen', 'taken', 'finished', 'delivered'] },
    repeatable: { type: 'boolean' },
    args: { type: ['object', 'null'] },
    receivedAt: { type: 'number', minimum: 0 },
    finishedAt: { type: ['number', 'null'], minimum: 0 },
    outcome: OUTCOME,
    answered: ANSWERED,
  },
  required: ['id', 'intake', 'command', 'stage', 'repeatable', 'args', 'receivedAt', 'finishedAt', 'outcome'],
};
const RECORD: Schema = { type: 'object', properties: { format: { const: FORMAT }, entry: ENTRY }, required: ['format', 'entry'] };

/** The record of the command with this id. @throws Error when it is damaged, or the record of another command */
export function parseEntry(data: Buffer, id: string): Entry {
  const { entry } = parsed<{ entry: Entry }>(RECORD, parseSealed(data), 'not a journal entry');
  if (entry.id !== id) throw new Error('the record of another command');
  // Its answer could be published nowhere, and would be tried for ever.
  if (!isSafeId(id)) throw new Error('its id is none of ours');
  if (entry.stage === 'finished' && entry.outcome === null) throw new Error('finished without an outcome');
  return entry;
}
