import type { LastCommand, Reported } from '../contract/shadow.ts';

/** AWS counts desired and reported together against 8 KB; this leaves 2 KB for the cloud's command and claim. */
export const MAX_REPORTED_BYTES = 6 * 1024;
/** Levels of objects and lists below `reported` (contract, "Shadow"). */
export const MAX_REPORTED_DEPTH = 5;

/** What moves without anything having happened: alone, it is worth a message only rarely. */
const VOLATILE: ReadonlySet<string> = new Set(['lastSeen', 'uptimeSeconds']);

/** Levels of containers: a scalar has none. */
export function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** True when the patch says nothing but that time has passed. */
export function isVolatileOnly(patch: Record<string, unknown>): boolean {
  return Object.keys(patch).every((key) => VOLATILE.has(key));
}

/** The reported state within its budget: a result that does not fit is left to its topic, which the document names. */
export function fitted(reported: Reported): Reported {
  const { lastCommand } = reported;
  if (!lastCommand) return reported;
  if (fits(reported)) return reported;
  const { result: _left, ...without } = lastCommand;
  if (fits({ ...reported, lastCommand: without })) return { ...reported, lastCommand: without };
  return { ...reported, lastCommand: shortened(without) };
}

/** An answer can only be too long by its details, which repeat what the caller sent. */
function shortened(lastCommand: LastCommand): LastCommand {
  if (!lastCommand.error) return lastCommand;
  const { code, message } = lastCommand.error;
  return { ...lastCommand, error: { code, message: message.slice(0, 512) } };
}

function fits(reported: Reported): boolean {
  return Buffer.byteLength(JSON.stringify(reported)) <= MAX_REPORTED_BYTES && depthOf(reported) - 1 <= MAX_REPORTED_DEPTH;
}
