/** `fail`: something does not work. `warn`: it works, and will not for long, or not for everyone. */
export type Severity = 'warn' | 'fail';

/** Something that is wrong with the hub, ready to be printed. Decide by `code` and `subject`, never by the texts. */
export interface HealthFinding<Code extends string = string> {
  /** Stable; scripts and support decide by it. */
  code: Code;
  severity: Severity;
  /** What is ill: a bus, a node, an interface; null: the hub itself. */
  subject: string | null;
  /** What is, as a sentence without a capital or a full stop. */
  text: string;
  /** What to do: commands that can be pasted, or a sentence. */
  remedy: string;
  /** The command that shows more. */
  next: string;
  /** Whether a short screen shows the remedy too: it is advice that `next` does not give. */
  advice: boolean;
}

/** The entry of the catalogue for one code. `Params` is what its texts are made of. */
export interface Entry<Params> {
  severity: Severity;
  text(params: Params): string;
  remedy(params: Params): string;
  next: string;
  advice?: true;
}

/** A part of the catalogue: an entry for each code of `Params`, which maps codes to their parameters. */
export type Entries<Params> = { readonly [Code in keyof Params]: Entry<Params[Code]> };

/** Makes the findings of one part of the catalogue. */
export function finder<Params>(entries: Entries<Params>) {
  return <Code extends keyof Params & string>(code: Code, params: Params[Code], subject: string | null = null): HealthFinding<Code> => {
    const { severity, text, remedy, next, advice = false } = entries[code];
    return { code, severity, subject, text: text(params), remedy: remedy(params), next, advice };
  };
}

/**
 * The value of a word in a table. The word may come from an agent of another version, which has more words than this table: then it is answered
 * `otherwise`.
 */
export function lookUp<Word extends string, T>(table: Readonly<Record<Word, T>>, word: Word, otherwise: T): T {
  return Object.hasOwn(table, word) ? table[word] : otherwise;
}

/** As a sentence begins. */
export const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `once`, `2 times`. */
export const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
