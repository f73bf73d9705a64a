import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from './nearest.ts';

/** The question that a message ends with when a word was probably meant to be another one: ` Did you mean "check"?`; empty when there is no guess. */
export function guess(word: string, known: readonly string[], prefix = ''): string {
  const meant = nearest(word, known);
  return meant === null ? '' : ` Did you mean "${prefix}${meant}"?`;
}

/** The same for the first option that `parseArgs` does not know. */
export function guessOption(args: readonly string[], options: NonNullable<ParseArgsConfig['options']>): string {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const unknown = tokens.find((token) => token.kind === 'option' && !Object.hasOwn(options, token.name));
  return unknown?.kind === 'option' ? guess(unknown.name, Object.keys(options), '--') : '';
}
