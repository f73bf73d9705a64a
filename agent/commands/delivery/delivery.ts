import type { CommandOutcome } from '../../contract/command.ts';
import type { LastCommand } from '../../contract/shadow.ts';
import type { Topics } from '../../contract/topics.ts';
import type { CommandsCloud } from '../cloud-port.ts';
import type { Entry } from '../lifecycle/lifecycle.ts';

/** Payload of one page of a result. Contract: 120 KB, below AWS IoT's 128 KB for a message. */
export const MAX_PAGE_BYTES = 120 * 1024;
/** Room for the envelope around a page's part of the result. */
const ENVELOPE_BYTES = 1024;

/** The part of the reported state about a command. */
export function lastCommandOf(entry: Entry, topics: Topics, outcome: CommandOutcome | null = entry.outcome): LastCommand {
  const last: LastCommand = {
    id: entry.id,
    command: entry.command,
    status: outcome?.status ?? 'IN_PROGRESS',
    receivedAt: entry.receivedAt,
    resultTopic: topics.commandResult(entry.id),
  };
  if (outcome && entry.finishedAt !== null) last.finishedAt = entry.finishedAt;
  if (outcome?.status === 'SUCCEEDED') last.result = outcome.result;
  else if (outcome) last.error = outcome.error;
  return last;
}

/** The longest array directly in the result: the only part that grows with the size of the installation. */
function longestList(result: Record<string, unknown>): string | null {
  let longest: string | null = null;
  let length = 1;
  for (const [key, value] of Object.entries(result)) {
    if (Array.isArray(value) && value.length > length) {
      longest = key;
      length = value.length;
    }
  }
  return longest;
}

/**
 * The pages of an answer: `{id, command, status, page, pages, result|error}`, each at most `MAX_PAGE_BYTES`. A long result is divided along
 * its longest list; every page repeats the rest of the result, so that each can be read by itself.
 */
export function pagesOf(entry: Entry, outcome: CommandOutcome): string[] {
  const head = { id: entry.id, command: entry.command, status: outcome.status };
  if (outcome.status !== 'SUCCEEDED') return [JSON.stringify({ ...head, page: 1, pages: 1, error: outcome.error })];
  const parts = divide(outcome.result, MAX_PAGE_BYTES - ENVELOPE_BYTES);
  return parts.map((result, index) => JSON.stringify({ ...head, page: index + 1, pages: parts.length, result }));
}

function divide(result: Record<string, unknown>, maxBytes: number): Record<string, unknown>[] {
  const bytes = Buffer.byteLength(JSON.stringify(result));
  if (bytes <= maxBytes) return [result];
  const key = longestList(result);
  // Sent as it is, it would end the connection, and again after every reconnect.
  if (key === null) return [{ resultDropped: `A part of ${bytes} bytes cannot be divided and does not fit in a message.` }];
  const list = result[key] as unknown[];
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)].flatMap((part) => divide({ ...result, [key]: part }, maxBytes));
}

/** Publishes the complete result on its topic; all pages are acknowledged when it resolves. */
export async function publishResult(cloud: CommandsCloud, topics: Topics, entry: Entry, outcome: CommandOutcome): Promise<void> {
  for (const page of pagesOf(entry, outcome)) await cloud.publish(topics.commandResult(entry.id), page);
}

/** Answers a command whose result is out: its state, where the cloud looks for it. Acknowledged when it resolves. */
export async function answer(cloud: CommandsCloud, topics: Topics, entry: Entry, outcome: CommandOutcome): Promise<void> {
  if (entry.intake === 'shadow') await cloud.reportCommand(lastCommandOf(entry, topics, outcome));
  else await cloud.publish(topics.executionResponse(entry.id), executionResponse(entry.id, topics, outcome));
}

/** AWS IoT Commands, API reference, StatusReason: `reasonCode` of A-Z 0-9 _ -, `reasonDescription` of at most 1024 printable characters. */
const MAX_REASON = 1024;
/** A result longer than this is left to its topic; a response should stay a short message. */
const MAX_INLINE_RESULT_BYTES = 8 * 1024;

/** The response of AWS IoT Commands: `{status, statusReason, result}`; a result's values are typed strings (`{"s": …}`). */
function executionResponse(id: string, topics: Topics, outcome: CommandOutcome): string {
  if (outcome.status === 'SUCCEEDED') {
    const json = JSON.stringify(outcome.result);
    const inline = Buffer.byteLength(json) <= MAX_INLINE_RESULT_BYTES ? { json: { s: json } } : {};
    return JSON.stringify({ status: outcome.status, result: { ...inline, resultTopic: { s: topics.commandResult(id) } } });
  }
  const { code, message } = outcome.error;
  const reasonDescription = message.replace(/\p{C}/gu, ' ').slice(0, MAX_REASON);
  return JSON.stringify({ status: outcome.status, statusReason: { reasonCode: code.toUpperCase(), reasonDescription } });
}
