import type { HarnessEvent } from './events.ts';
import { type CommandView, KEPT, keep, type ViewState } from './state.ts';

interface Last {
  id: string;
  command: string;
  status: string;
  error?: { code?: string; message?: string; details?: { field: string; message: string }[] };
}

/** Log lines that are a stage of a command. */
const STAGES: Readonly<Record<string, string>> = {
  command_taken: 'taken',
  command_started: 'started',
  command_succeeded: 'done',
  command_failed: 'done',
  command_answered: 'delivered',
};

/** The timeline of commands. */
export function onCommandEvent(state: ViewState, event: HarnessEvent): void {
  if (event.kind === 'shadow') onShadow(state, event.desired, event.reported, event.at);
  else if (event.kind === 'log') onLog(state, event.event, event.fields, event.at);
  else if (event.kind === 'result') {
    const command = byId(state, event.id);
    if (!command) return;
    command.result = event.text;
    stage(command, 'result', event.at);
  } else if (event.kind === 'api' && event.call === 'SendHubCommand' && event.status !== 200) {
    const refused = open(state, 'SendHubCommand', event.at);
    stage(refused, 'refused', event.at);
    refused.status = 'REFUSED';
    refused.error = event.status === null ? 'The answer was lost.' : `The API answered ${event.status}.`;
  }
}

function onShadow(state: ViewState, desired: Record<string, unknown>, reported: Record<string, unknown>, at: number): void {
  const waiting = state.commands.findLast(({ id, status }) => id === null && status === 'SENT');
  if (typeof desired.command === 'string') {
    const args = JSON.stringify(desired.args ?? {});
    const again = waiting?.command === desired.command && waiting.args === args;
    if (!again) {
      const sent = open(state, desired.command, at);
      sent.args = args;
    }
  }
  const last = reported.lastCommand as Last | undefined;
  if (typeof last?.id !== 'string') return;
  const known = byId(state, last.id) ?? adopt(state, last.id, last.command, at);
  if (last.status === 'IN_PROGRESS') {
    stage(known, 'taken', at);
    if (known.status === 'SENT') known.status = 'IN_PROGRESS';
    return;
  }
  if (known.stages.some(({ name }) => name === 'answered')) return;
  known.status = last.status;
  known.error = last.error ? `${last.error.code ?? ''}: ${last.error.message ?? ''}` : null;
  known.details = last.error?.details ?? [];
  stage(known, 'answered', at);
}

function onLog(state: ViewState, name: string, fields: Record<string, unknown>, at: number): void {
  const stageName = STAGES[name];
  const { id, command } = fields;
  if (!stageName || typeof id !== 'string') return;
  const known = byId(state, id) ?? (typeof command === 'string' ? adopt(state, id, command, at) : null);
  if (!known) return;
  if (name === 'command_started') known.runs += 1;
  stage(known, stageName, at);
}

const byId = (state: ViewState, id: string): CommandView | undefined => state.commands.findLast((each) => each.id === id);

/** The command that was sent and has no id yet, or one that came another way. */
function adopt(state: ViewState, id: string, command: string, at: number): CommandView {
  const sent = state.commands.find((each) => each.id === null && each.command === command && each.status === 'SENT');
  const known = sent ?? open(state, command, at);
  known.id = id;
  return known;
}

function open(state: ViewState, command: string, at: number): CommandView {
  state.commanded += 1;
  const fresh: CommandView = {
    number: state.commanded,
    id: null,
    command,
    args: '{}',
    status: 'SENT',
    error: null,
    details: [],
    stages: [{ name: 'sent', at }],
    runs: 0,
    result: null,
  };
  keep(state.commands, fresh, KEPT.commands);
  return fresh;
}

/** The order of stages. Those that the broker sees, the result and the answer, come in any order. */
const ORDER: Readonly<Record<string, number>> = { sent: 0, taken: 1, started: 2, done: 3, result: 4, answered: 4, delivered: 5 };
const orderOf = (name: string): number => ORDER[name] ?? 5;

/**
 * Each stage once: a redelivery does not make a command longer. The agent's log may arrive after what the broker has seen: such a stage was not later than
 * the one that follows it.
 */
function stage(command: CommandView, name: string, at: number): void {
  const { stages } = command;
  if (stages.some((each) => each.name === name)) return;
  const next = stages.findIndex((each) => orderOf(each.name) > orderOf(name));
  if (next === -1) stages.push({ name, at });
  else stages.splice(next, 0, { name, at: Math.min(at, stages[next]!.at) });
}
