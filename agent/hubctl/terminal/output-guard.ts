import { randomInt } from 'node:crypto';
import { printableJson, printableLines } from '../../system/printable.ts';

/** The end of every text on its way to the terminal: lets hubctl's own escapes pass and nothing else. */
export interface OutputGuard {
  /** Stands in hubctl's own escapes, after their `[`. It cannot be guessed from outside, so no text can carry an escape that passes. */
  readonly mark: string;
  /** What may be written. With `json` the text keeps its meaning: characters are escaped, not replaced. */
  pass(text: string): string;
}

const MAX_MARK = 2 ** 47;

export function createOutputGuard(json: boolean, mark = `${randomInt(MAX_MARK)};`): OutputGuard {
  const own = new RegExp(`\\u001b\\[${mark}([0-9]*[A-Za-z])`);
  return {
    mark,
    pass(text) {
      if (json) return printableJson(text);
      // With a group in the pattern, every second part is one of our own escapes.
      return text
        .split(own)
        .map((part, index) => (index % 2 === 0 ? printableLines(part) : `\u001b[${part}`))
        .join('');
    },
  };
}
