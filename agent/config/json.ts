import { MAX_JSON_DEPTH } from '../system/bounded-json.ts';
import { fieldPath } from './problems.ts';

/** Where and why a text is not JSON. Line and column count from 1. */
export interface JsonFault {
  line: number;
  column: number;
  message: string;
  remedy: string;
}

/** A key that stands twice in one object: JSON keeps the last one in silence. */
export interface DuplicateKey {
  field: string;
  line: number;
}

export type JsonDocument = { ok: true; value: unknown; duplicates: DuplicateKey[] } | { ok: false; fault: JsonFault };

const WHITESPACE = /[ \t\r\n]*/y;
const TOKEN =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)|[{}[\]:,]/y;

/** What the grammar (RFC 8259) allows next. */
type Expected =
  | 'a value'
  | 'a value or "]"'
  | 'a key in double quotes'
  | 'a key or "}"'
  | '":"'
  | '"," or "}"'
  | '"," or "]"'
  | 'the end of the file';

/** As many as a person reads; each costs a look at the whole text. */
const MAX_DUPLICATES = 20;

interface Frame {
  keys: Set<string> | null;
  at: string | number;
}

function locate(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

function explain(text: string, offset: number, expected: Expected, isToken: boolean): { message: string; remedy: string } {
  const rest = text.slice(offset);
  const first = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  if (rest === '') {
    return {
      message: `the file ends too early, ${expected} is missing: it was cut off or not written to its end`,
      remedy: 'Complete the file, or restore it from a copy.',
    };
  }
  if (/^(\/[/*]|#)/.test(rest)) return { message: 'JSON has no comments', remedy: 'Remove the comment.' };
  if (/^['`“”]/.test(rest)) return { message: `${first} does not quote a text in JSON`, remedy: 'Use " on both sides.' };
  if (first === '"' && !isToken) {
    return {
      message: 'this text is not closed, or holds a raw control character or a bad escape',
      remedy: 'Close it with ", and write \\ as \\\\.',
    };
  }
  if ((first === '}' || first === ']') && (expected === 'a key in double quotes' || expected === 'a value')) {
    return { message: `expected ${expected} but found ${first}`, remedy: 'Remove the comma before it, or add what is missing.' };
  }
  return { message: `expected ${expected} but found ${JSON.stringify(first)}`, remedy: `Put ${expected} there.` };
}

/**
 * Parses JSON (RFC 8259) and reports what `JSON.parse` does not: line and column of every kind of fault, and keys that stand twice.
 * The text must be short enough to be held twice: the reader bounds it.
 */
export function parseJson(text: string): JsonDocument {
  const duplicates: DuplicateKey[] = [];
  const stack: Frame[] = [];
  let expected = 'a value' as Expected;
  let offset = 0;

  const afterValue = (): Expected => {
    const frame = stack.at(-1);
    if (!frame) return 'the end of the file';
    return frame.keys ? '"," or "}"' : '"," or "]"';
  };

  /** Moves on by one token; false when the grammar does not allow it here. */
  const accept = (token: string): boolean => {
    const frame = stack.at(-1);
    switch (expected) {
      case 'the end of the file':
        return false;
      case '":"':
        expected = 'a value';
        return token === ':';
      case '"," or "}"':
      case '"," or "]"':
        if (token === ',') {
          if (typeof frame?.at === 'number') frame.at++;
          expected = frame?.keys ? 'a key in double quotes' : 'a value';
          return true;
        }
        return close(token);
      case 'a key or "}"':
        if (token === '}') return close(token);
        return key(token);
      case 'a key in double quotes':
        return key(token);
      case 'a value or "]"':
        if (token === ']') return close(token);
        return value(token);
      case 'a value':
        return value(token);
    }
  };

  const close = (token: string): boolean => {
    if (token !== (stack.at(-1)?.keys ? '}' : ']')) return false;
    stack.pop();
    expected = afterValue();
    return true;
  };

  const key = (token: string): boolean => {
    const frame = stack.at(-1);
    if (!frame?.keys || !token.startsWith('"')) return false;
    const name = JSON.parse(token) as string;
    frame.at = name;
    if (frame.keys.has(name) && duplicates.length < MAX_DUPLICATES)
      duplicates.push({ field: fieldPath(stack.map((outer) => outer.at)), line: locate(text, offset).line });
    frame.keys.add(name);
    expected = '":"';
    return true;
  };

  const value = (token: string): boolean => {
    if (token === '{') {
      stack.push({ keys: new Set(), at: '' });
      expected = 'a key or "}"';
      return true;
    }
    if (token === '[') {
      stack.push({ keys: null, at: 0 });
      expected = 'a value or "]"';
      return true;
    }
    if (/^[}\]:,]/.test(token)) return false;
    expected = afterValue();
    return true;
  };

  for (;;) {
    WHITESPACE.lastIndex = offset;
    offset += WHITESPACE.exec(text)?.[0].length ?? 0;
    if (offset === text.length && expected === 'the end of the file') return { ok: true, value: JSON.parse(text), duplicates };
    TOKEN.lastIndex = offset;
    const token = TOKEN.exec(text)?.[0];
    if ((token === '{' || token === '[') && stack.length >= MAX_JSON_DEPTH) {
      const message = `more than ${MAX_JSON_DEPTH} lists and objects stand inside each other`;
      return { ok: false, fault: { ...locate(text, offset), message, remedy: 'Check that this is the right file.' } };
    }
    const wanted = expected;
    if (token === undefined || !accept(token)) {
      return { ok: false, fault: { ...locate(text, offset), ...explain(text, offset, wanted, token !== undefined) } };
    }
    offset += token.length;
  }
}
