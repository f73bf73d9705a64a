/** Codes that may reach the cloud in `lastCommand.error.code` (contract, "Commands"). */
export type CommandErrorCode =
  | 'unknown_command'
  | 'invalid_args'
  | 'expired'
  | 'busy'
  | 'taken_over'
  | 'interrupted'
  | 'timeout'
  | 'bus_unavailable'
  | 'wifi_unavailable'
  | 'wifi_network_not_found'
  | 'wifi_authentication_failed'
  | 'wifi_no_address'
  | 'wifi_cloud_unreachable'
  | 'wifi_rolled_back'
  | 'internal';

/** Codes that stay inside the agent: they appear in logs and local tools only. */
export type AgentErrorCode =
  | 'config_invalid'
  | 'storage_failed'
  | 'cloud_unreachable'
  | 'cloud_disconnected'
  | 'cloud_timeout'
  | 'cloud_refused'
  | 'shadow_conflict'
  | 'shadow_not_found'
  | 'shadow_throttled'
  | 'shadow_too_large'
  | 'node_unknown'
  | 'node_silent'
  | 'node_refused'
  | 'address_taken'
  | 'aborted';

export type ErrorCode = CommandErrorCode | AgentErrorCode;

/** One offending field of an input, as the contract's `error.details` carries it. */
export interface FieldProblem {
  field: string;
  message: string;
}

/**
 * The only error type the agent throws on purpose. Decide by `code`, never by the wording of `message`.
 * Anything else that is thrown is a bug and is answered as `internal`.
 */
export class HubError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly FieldProblem[];

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: readonly FieldProblem[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HubError';
    this.code = code;
    this.details = options.details ?? [];
  }
}

/** True when `error` is a `HubError`, optionally with one of the given codes. */
export function isHubError(error: unknown, ...codes: ErrorCode[]): error is HubError {
  return error instanceof HubError && (codes.length === 0 || codes.includes(error.code));
}

/** A readable sentence for anything thrown; libraries throw strings and objects too. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === 'string' ? error : JSON.stringify(error);
}
