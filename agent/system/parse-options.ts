/**
 * For every parse of a zod schema: walk the schema instead of compiling it to a function. Our documents are read once or rarely, and the
 * compilation is a fifth of the processor time of a start (measured: 62 of 330 ms).
 */
export const INTERPRETED = { jitless: true } as const;
