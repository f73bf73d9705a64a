import type { AddressChanged, Identified, Rekeyed } from '../../contract/maintenance.ts';
import type { Schema } from '../../system/schema.ts';
import type { Answer } from '../cli/client.ts';
import { answerOf } from './answer.ts';
import { FLAG, listOf, NUMBER, objectOf, orNull, TEXT } from './shapes.ts';

/** A line of work that takes a while: signs of life and of progress, at the end a result or an error. */
export interface WorkMessage<Result, Progress = never> {
  waiting?: boolean;
  progress?: Progress;
  result?: Result;
  error?: { code: string; message: string };
}

/** The lines of work with a result, and a progress, of these shapes. */
export const workAnswer = <Result, Progress = never>(result: Schema, progress: Schema = {}): Answer<WorkMessage<Result, Progress>> =>
  answerOf({
    type: 'object',
    properties: { waiting: FLAG, progress, result, error: objectOf<{ code: string; message: string }>({ code: TEXT, message: TEXT }, {}) },
  });

/** What forgetting a node gives: the node, of which only its name is used. */
const FORGOTTEN = objectOf<{ nodeId: string }>({ nodeId: TEXT }, {});
const REKEYED = objectOf<Rekeyed>({ address: NUMBER, result: TEXT }, {});

export const identifyAnswer = workAnswer<Identified>(objectOf<Identified>({ nodeId: TEXT, seconds: NUMBER, by: listOf(TEXT) }, {}));
export const forgetAnswer = workAnswer<{ nodeId: string }>(FORGOTTEN);
export const rekeyAnswer = workAnswer<Rekeyed[], Rekeyed>(listOf(REKEYED), REKEYED);
export const setAddressAnswer = workAnswer<AddressChanged>(
  objectOf<AddressChanged>({ bus: TEXT, from: NUMBER, to: NUMBER, baudRate: orNull(NUMBER), proven: FLAG }, {}),
);
