/**
 * Messages, events and effects as small integers, so that a state of the model is a short row of bytes.
 * Layout: kind 4 bits, version 5, command 3, expired 1, second command 3, class of an outcome 3, marks 3.
 */
export type Code = number;

/** Kinds of what reaches the hub: the machine's events, and the answers to a delivery. */
export const TO_HUB = {
  linkUp: 1,
  linkDown: 2,
  shadowRead: 3,
  readFailed: 4,
  delta: 5,
  updated: 6,
  clearFailed: 7,
  requested: 8,
  executed: 9,
  delivered: 10,
  reported: 11,
  reportFailed: 12,
} as const;

/** Kinds of what the hub sends to the cloud. */
export const TO_CLOUD = { read: 1, clear: 2, report: 3, respond: 4 } as const;

/** Kinds of the machine's effects. */
export const EFFECT = { persist: 1, readShadow: 2, clear: 3, execute: 4, deliver: 5, conclude: 6, forget: 7 } as const;

/** What is known of a command's end: nothing, that it runs, or one of the outcomes that the promise tells apart. */
export const OUTCOME = { none: 0, running: 1, done: 2, refused: 3, interrupted: 4, unjournaled: 5, expired: 6 } as const;

/** Nobody waits for the answer of this request, but it may still be applied. */
export const STALE = 1 << 19;
/** A copy that outlives the link it was made on. */
export const COPY = 1 << 20;

interface Parts {
  version?: number;
  id?: number;
  expired?: number;
  other?: number;
  outcome?: number;
}

export function code(kind: number, { version = 0, id = 0, expired = 0, other = 0, outcome = 0 }: Parts = {}): Code {
  return kind | (version << 4) | (id << 9) | (expired << 12) | (other << 13) | (outcome << 16);
}

export const kindOf = (message: Code) => message & 15;
export const versionOf = (message: Code) => (message >> 4) & 31;
export const idOf = (message: Code) => (message >> 9) & 7;
export const isExpired = (message: Code) => (message >> 12) & 1;
export const otherOf = (message: Code) => (message >> 13) & 7;
export const outcomeOf = (message: Code) => (message >> 16) & 7;
export const withVersion = (message: Code, version: number): Code => (message & ~(31 << 4)) | (version << 4);

/** What the layout can hold. */
export const MAX_VERSION = 30;

function nameIn(table: Record<string, number>, kind: number): string {
  return Object.keys(table).find((name) => table[name] === kind) ?? `kind ${kind}`;
}

/** A message in words, for the trace of a broken promise. */
export function describe(table: Record<string, number>, message: Code): string {
  const parts = [nameIn(table, kindOf(message))];
  if (idOf(message)) parts.push(`of ${'abcdefg'[idOf(message) - 1]}`);
  if (versionOf(message)) parts.push(`at version ${versionOf(message)}`);
  if (isExpired(message)) parts.push('expired');
  if (otherOf(message)) parts.push(`with ${'abcdefg'[otherOf(message) - 1]} in progress`);
  if (outcomeOf(message)) parts.push(nameIn(OUTCOME, outcomeOf(message)));
  if (message & STALE) parts.push('(nobody waits)');
  if (message & COPY) parts.push('(a copy)');
  return parts.join(' ');
}
