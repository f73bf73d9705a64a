import { parseBounded } from '../../system/bounded-json.ts';
import { check, type Schema } from '../../system/schema.ts';
import { AgentError, type Answer } from '../cli/client.ts';

/** The check of an answer by its shape. The agent may be of another release: a screen must neither crash on its answer nor show a part of it as the whole. */
export function answerOf<T>(shape: Schema): Answer<T> {
  return (value) => {
    const checked = check(shape, value);
    if (checked.ok) return value as T;
    throw new AgentError('unclear', `hubctl does not understand the agent's answer: ${checked.field || 'it'} ${checked.message}.`);
  };
}

/** Reads the lines of a stream as messages; the empty ones are signs of life. `line` is the message as it came. @throws AgentError `unclear` */
export function messages<T>(answer: Answer<T>, onMessage: (message: T, line: string) => void): (line: string) => void {
  return (line) => {
    let value: unknown;
    try {
      value = parseBounded(line);
    } catch {
      throw new AgentError('unclear', "hubctl does not understand the agent's answer: a line is not JSON.");
    }
    if (value !== '') onMessage(answer(value), line);
  };
}
