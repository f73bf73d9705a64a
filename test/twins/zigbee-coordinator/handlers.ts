import type { Reader } from './bytes.ts';
import type { Stack } from './stack.ts';

/** What a command answers with: the data of its SRSP, or null for one that has none. */
export type Handler = (reader: Reader, stack: Stack) => Buffer | null;

/** Handlers of one subsystem by command. */
export type Handlers = ReadonlyMap<number, Handler>;
