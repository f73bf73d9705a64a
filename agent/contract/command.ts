import type { CommandErrorCode, FieldProblem } from '../system/errors.ts';

/** AWS IoT Commands' words for the state of an execution. */
export type CommandStatus = 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'REJECTED' | 'TIMED_OUT';

/** What is reported of a failed command. */
export interface CommandError {
  code: CommandErrorCode;
  message: string;
  details?: FieldProblem[];
}

/** How a command ended. */
export type CommandOutcome =
  | { status: 'SUCCEEDED'; result: Record<string, unknown> }
  | { status: 'FAILED' | 'REJECTED' | 'TIMED_OUT'; error: CommandError };

/** `{command, args}` as it stands in the shadow, verbatim from the API's caller: nothing about it may be trusted. */
export interface CommandEnvelope {
  command: unknown;
  args: unknown;
}
