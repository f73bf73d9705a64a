import { printable } from '../../system/printable.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { wrap } from '../terminal/text.ts';
import { AgentError, type AgentProblem } from './client.ts';
import { EXIT } from './exit-codes.ts';

const CODES: Readonly<Record<AgentProblem, number>> = {
  down: EXIT.down,
  busy: EXIT.hung,
  unreachable: EXIT.down,
  hung: EXIT.hung,
  forbidden: EXIT.forbidden,
  unclear: EXIT.hung,
  refused: EXIT.bad,
};
const NEXT: Readonly<Record<AgentProblem, string>> = {
  down: "Start it with 'sudo systemctl start hub-agent', or ask 'sudo hubctl doctor' why it does not run.",
  busy: 'End another hubctl, or try again in a moment.',
  unreachable: "Ask 'sudo hubctl doctor'.",
  hung: "Give it a minute: its watchdog ends it by itself. Then look with 'sudo hubctl logs'.",
  forbidden: '',
  unclear: "It may be of another release than hubctl: 'hubctl update status'.",
  refused: '',
};

/** What to do about it, in sentences; empty: the message says it. */
export const remedyOf = ({ problem }: AgentError): string => NEXT[problem];

/** The message of a command that needs the agent when there is none; with `json` as an object. Returns the exit code. */
export function reportAgentProblem(terminal: Terminal, error: AgentError, json: boolean): number {
  const remedy = remedyOf(error);
  if (json) terminal.out(JSON.stringify({ error: { code: error.code ?? `agent_${error.problem}`, message: error.message } }));
  else say(terminal, `hubctl: ${error.message}${remedy && ` ${remedy}`}`);
  return CODES[error.problem];
}

/** The answer, or the reason why there is none: for commands that go on without the agent. */
export async function attempt<T>(call: Promise<T>): Promise<{ value: T; problem: null } | { value: null; problem: AgentError }> {
  try {
    return { value: await call, problem: null };
  } catch (error) {
    if (error instanceof AgentError) return { value: null, problem: error };
    throw error;
  }
}

/** The exit code of a screen that was made without the agent. */
export function codeOf(problem: AgentError): number {
  return CODES[problem.problem];
}

/** A text for a person beside the output, in lines that fit. */
export function say(terminal: Terminal, text: string): void {
  for (const line of wrap(printable(text), terminal.columns)) terminal.error(line);
}
