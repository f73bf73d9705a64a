import type { BusTrace } from '../../contract/trace.ts';
import { MAX_TIME_MS } from '../../system/units.ts';
import type { Answer } from '../cli/client.ts';
import { answerOf } from './answer.ts';
import { NUMBER, objectOf, orNull, TEXT } from './shapes.ts';

/** One line of a bus. */
export const traceAnswer: Answer<BusTrace> = answerOf(
  objectOf<BusTrace>(
    {
      // It is shown as a time of the day.
      at: { type: 'number', minimum: 0, maximum: MAX_TIME_MS },
      bus: TEXT,
      kind: TEXT,
      address: NUMBER,
      name: orNull(TEXT),
      sequence: orNull(NUMBER),
      bytes: orNull(NUMBER),
      security: orNull(TEXT),
      text: TEXT,
    },
    { heard: TEXT },
  ),
);

type Heard = Pick<BusTrace, 'kind' | 'heard'>;

/** The part of it that tells whether somebody answers. */
export const heardAnswer: Answer<Heard> = answerOf(objectOf<Heard>({ kind: TEXT }, { heard: TEXT }));
