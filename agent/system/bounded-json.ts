/**
 * Arrays and objects that stand inside each other. The deepest document that the agent understands (a node list in a command's result) has
 * 8; AWS takes 8 in a shadow. Recursion over this many levels needs some KB of stack, over the 30,000 that fit into one message more than
 * there is.
 */
export const MAX_JSON_DEPTH = 32;

/** What stands in the place of what is nested deeper. */
export const TOO_DEEP = '[nested too deep]';

/**
 * The value, with everything below `MAX_JSON_DEPTH` levels cut off: code that recurses over it has enough stack. A value that is
 * shallow enough is returned as it is; else the containers in which something is cut are changed in place.
 */
export function boundDepth<T>(value: T): T {
  let level = containersIn([value]);
  for (let depth = 1; depth < MAX_JSON_DEPTH && level.length > 0; depth += 1) level = containersIn(level.flatMap(Object.values));
  for (const container of level) {
    for (const [key, item] of Object.entries(container)) if (isContainer(item)) (container as Record<string, unknown>)[key] = TOO_DEEP;
  }
  return value;
}

/** `JSON.parse` for input from outside, bounded in depth. @throws SyntaxError */
export function parseBounded(text: string): unknown {
  return boundDepth(JSON.parse(text) as unknown);
}

/**
 * A number from outside that counts something, such as a version or seconds: whole, from 0, and represented exactly (ECMA-262,
 * `Number.MAX_SAFE_INTEGER`). 0 for anything else: as a text it would have a point, a sign or an exponent.
 */
export const countOf = (value: unknown): number => (Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0);

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

const containersIn = (values: readonly unknown[]): object[] => values.filter(isContainer);
