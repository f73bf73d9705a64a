import type { LastCommand, Reported } from '../../contract/shadow.ts';

/** AWS counts desired and reported together against 8 KB; this leaves 2 KB for the cloud's command and claim. */
export const MAX_REPORTED_BYTES = 6 * 1024;
/** Levels of objects and lists below `reported` (contract, "Shadow"). */
export const MAX_REPORTED_DEPTH = 5;

/** What moves without anything having happened: alone, it is not worth a message, and goes with the next report or heartbeat. */
const VOLATILE: ReadonlySet<string> = new Set(['lastSeen', 'uptimeSeconds', 'wifi.signalDbm']);

/** Levels of containers: a scalar has none. */
export function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** True when the patch contains nothing but the passage of time. */
export function isVolatileOnly(patch: Record<string, unknown>): boolean {
  return leavesOf(patch).every((leaf) => VOLATILE.has(leaf));
}

function leavesOf(patch: Record<string, unknown>, prefix = ''): string[] {
  return Object.entries(patch).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? leavesOf(value as Record<string, unknown>, `${prefix}${key}.`)
      : [`${prefix}${key}`],
  );
}

/**
 * The reported state within its budget: a result that does not fit is left to its topic, which the document names.
 * `squeeze`: how much more goes because the service found the shadow too large (413), which other writers can fill; see `squeezed`.
 */
export function fitted(reported: Reported, squeeze = 0): Reported {
  const smaller = squeezed(reported, squeeze);
  const { lastCommand } = smaller;
  if (!lastCommand) return smaller;
  const shorter: LastCommand[] = [
    lastCommand,
    withoutResult(lastCommand),
    ...SHORT_MESSAGES.map((length) => shortened(lastCommand, length)),
  ];
  const fitting = shorter.find((candidate) => fits({ ...smaller, lastCommand: candidate }));
  return { ...smaller, lastCommand: fitting ?? shorter.at(-1)! };
}

/** The most that `fitted` can leave out. */
export const MAX_SQUEEZE = 3;

/** 1: no result. 2: an error's code alone. 3: also none of the sections that the hub can do without. */
function squeezed(reported: Reported, squeeze: number): Reported {
  const { lastCommand, ...rest } = reported;
  const { wifi: _wifi, nodes: _nodes, certificate: _certificate, alarms: _alarms, ...vital } = rest;
  const last = lastCommand && (squeeze >= 2 ? shortened(lastCommand, 0) : squeeze >= 1 ? withoutResult(lastCommand) : lastCommand);
  return { ...(squeeze >= 3 ? vital : rest), ...(last && { lastCommand: last }) };
}

/** The answer without its result, which its topic has. */
function withoutResult(lastCommand: LastCommand): LastCommand {
  const { result: _left, ...without } = lastCommand;
  return without;
}

/** Characters left of an error's message. An answer without its result can only be too long by its details, which repeat what the caller
 * sent; the second length is for a claim and an identity of the longest texts that are allowed. */
const SHORT_MESSAGES = [512, 64];

function shortened(lastCommand: LastCommand, length: number): LastCommand {
  const without = withoutResult(lastCommand);
  if (!without.error) return without;
  const { code, message } = without.error;
  return { ...without, error: { code, message: message.slice(0, length) } };
}

function fits(reported: Reported): boolean {
  return Buffer.byteLength(JSON.stringify(reported)) <= MAX_REPORTED_BYTES && depthOf(reported) - 1 <= MAX_REPORTED_DEPTH;
}
