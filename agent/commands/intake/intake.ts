import { createHmac } from 'node:crypto';
import type { CommandEnvelope } from '../../contract/command.ts';
import type { ShadowView } from '../../contract/shadow.ts';
import { countOf, parseBounded } from '../../system/bounded-json.ts';
import { HubError } from '../../system/errors.ts';
import type { Catalog } from '../handlers/handler.ts';
import { isSafeId } from '../lifecycle/journal-entry.ts';
import type { Candidate, InProgress } from '../lifecycle/lifecycle.ts';
import { outcomeOf } from '../lifecycle/outcome.ts';

/** Longest command name that is repeated in an answer. */
const MAX_NAME = 64;

/** JSON with sorted keys: the same text for the same value, in any order of its keys. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
    return `{${pairs.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/**
 * The id of a shadow command: `shadow-<timestamp>-<8 hex>` (contract, "A command from the shadow, exactly once"). The hash is keyed: an id is public, and a
 * plain hash would help to guess a password among the args.
 */
export function shadowCommandId(envelope: CommandEnvelope, timestampSeconds: number, key: Uint8Array): string {
  const text = canonicalJson({ command: envelope.command, args: envelope.args ?? {} });
  return `shadow-${timestampSeconds}-${createHmac('sha256', key).update(text).digest('hex').slice(0, 8)}`;
}

/** A command's name as it may be repeated in logs and answers: the caller can send anything. A list or an object may hold the args, with a password. */
function printableName(command: unknown): string {
  const value = command ?? 'null';
  const text = Array.isArray(value) ? '(a list)' : typeof value === 'object' ? '(an object)' : String(value);
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_NAME);
}

/** What judging needs beside the command. */
export interface ValidationContext {
  id: string;
  receivedAt: number;
  ageSeconds: number | null;
  ttlSeconds: number;
  catalog: Catalog;
  /** It was written while another client may have spoken for this hub. */
  suspect?: boolean;
}

/**
 * Validates a command without running it. `ageSeconds` is null where the intake has no age of its own.
 * The hub is the only validator: the cloud passes on any input.
 */
export function validateCommand(envelope: CommandEnvelope, context: ValidationContext): Candidate {
  const { id, receivedAt, ageSeconds, ttlSeconds, catalog } = context;
  const command = printableName(envelope.command);
  try {
    if (ageSeconds !== null && ageSeconds > ttlSeconds) {
      throw new HubError('expired', `The command is ${ageSeconds} s old, more than the ${ttlSeconds} s this hub still executes.`);
    }
    const handler = typeof envelope.command === 'string' ? catalog.get(envelope.command) : undefined;
    if (!handler) {
      const known = [...catalog.keys()].join(', ');
      throw new HubError('unknown_command', `This hub does not know the command '${command}'; it knows ${known}.`);
    }
    const args = handler.parse(envelope.args ?? {});
    if (context.suspect && !handler.repeatable) {
      throw new HubError(
        'taken_over',
        "Another client used this hub's identity when the command was written; send it again if it is yours.",
      );
    }
    return { id, command, receivedAt, verdict: { accept: true, repeatable: handler.repeatable, args } };
  } catch (error) {
    return { id, command, receivedAt, verdict: { accept: false, outcome: outcomeOf(error) } };
  }
}

/**
 * When a value of the shadow was last written, epoch seconds of the cloud's clock: the newest time in its metadata, which has the value's own shape
 * (AWS IoT, "Device Shadow service documents"). 0 when there is none, as for an empty list.
 */
function writtenAt(metadata: unknown): number {
  let newest = 0;
  const open: unknown[] = [metadata];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    const { timestamp } = value as { timestamp?: unknown };
    if (typeof timestamp === 'number') newest = Math.max(newest, countOf(timestamp));
    else open.push(...Object.values(value));
  }
  return newest;
}

/** The command that stands in a shadow view, validated; null when none stands. Its age is measured by the cloud's clock alone. */
export function candidateOf(
  view: ShadowView,
  context: Pick<ValidationContext, 'receivedAt' | 'ttlSeconds' | 'catalog'> & { key: Uint8Array; isSuspect?(writtenAt: number): boolean },
): Candidate | null {
  const envelope: CommandEnvelope = { command: view.desired.command, args: view.desired.args };
  if (envelope.command === undefined || envelope.command === null) return null;
  const timestamp = writtenAt(view.desiredMetadata.command) || writtenAt(view.desiredMetadata.args) || view.timestampSeconds;
  return validateCommand(envelope, {
    id: shadowCommandId(envelope, timestamp, context.key),
    receivedAt: context.receivedAt,
    ageSeconds: timestamp === 0 ? null : Math.max(0, view.timestampSeconds - timestamp),
    ttlSeconds: context.ttlSeconds,
    catalog: context.catalog,
    suspect: context.isSuspect?.(timestamp) ?? false,
  });
}

/** The command in a request of AWS IoT Commands, validated; a payload that is no command is a command that is refused. */
export function requestCandidate(payload: Buffer, context: ValidationContext): Candidate {
  try {
    const body: unknown = parseJson(payload);
    if (typeof body !== 'object' || body === null) throw new HubError('invalid_args', 'The payload must be an object {command, args}.');
    return validateCommand({ command: (body as { command?: unknown }).command, args: (body as { args?: unknown }).args }, context);
  } catch (error) {
    const { id, receivedAt } = context;
    return { id, command: printableName(undefined), receivedAt, verdict: { accept: false, outcome: outcomeOf(error) } };
  }
}

function parseJson(payload: Buffer): unknown {
  try {
    return parseBounded(payload.toString('utf8'));
  } catch {
    // The parser's own words may quote the payload, and with it a password.
    throw new HubError('invalid_args', 'The payload is not JSON; send {"command": …, "args": {…}}.');
  }
}

/** What the reported state still shows as running; null when nothing, or when it is not ours to read. */
export function inProgressOf(view: ShadowView): InProgress | null {
  const last = view.reported?.lastCommand as Partial<Record<string, unknown>> | undefined;
  // Any writer of the shadow can choose an id, and it becomes a file's name and part of a topic.
  if (last?.status !== 'IN_PROGRESS' || typeof last.id !== 'string' || !isSafeId(last.id)) return null;
  return { id: last.id, command: printableName(last.command), receivedAt: countOf(last.receivedAt) };
}
