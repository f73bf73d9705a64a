import type { CommandError, CommandOutcome } from '../../contract/command.ts';
import { type CommandErrorCode, type ErrorCode, HubError } from '../../system/errors.ts';

const REJECTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['unknown_command', 'invalid_args', 'busy', 'taken_over']);
const TIMED_OUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['expired', 'timeout']);
/** Codes of the agent's inside: the cloud sees `internal`, the log has the rest. */
const INSIDE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'config_invalid',
  'storage_failed',
  'cloud_unreachable',
  'cloud_disconnected',
  'cloud_timeout',
  'cloud_refused',
  'shadow_conflict',
  'shadow_not_found',
  'shadow_throttled',
  'shadow_too_large',
]);

/** True when `error` is no planned answer but a bug or an inner failure: it belongs into the log with its stack. */
export function isInternal(error: unknown): boolean {
  return !(error instanceof HubError) || error.code === 'internal' || INSIDE.has(error.code);
}

/** The answer for an error that a command threw. Never passes on the wording of an unplanned error: it could quote anything. */
export function outcomeOf(error: unknown): Extract<CommandOutcome, { error: CommandError }> {
  if (!(error instanceof HubError) || INSIDE.has(error.code)) {
    return { status: 'FAILED', error: { code: 'internal', message: 'The hub failed inside; its log has the details.' } };
  }
  const code = (error.code === 'aborted' ? 'interrupted' : error.code) as CommandErrorCode;
  const answer: CommandError = { code, message: error.message };
  if (error.details.length > 0) answer.details = [...error.details];
  const status = REJECTED.has(error.code) ? 'REJECTED' : TIMED_OUT.has(error.code) ? 'TIMED_OUT' : 'FAILED';
  return { status, error: answer };
}

/** What the log says of an outcome: status, and why it is no success. Like the answer, it quotes no value of an arg. */
export function outcomeFields(outcome: CommandOutcome): { status: string; code?: string; reason?: string } {
  if (!('error' in outcome)) return { status: outcome.status };
  const { code, message, details = [] } = outcome.error;
  const fields = details.map((detail) => `${detail.field} ${detail.message}`);
  return { status: outcome.status, code, reason: fields.length === 0 ? message : `${message} (${fields.join('; ')})` };
}
