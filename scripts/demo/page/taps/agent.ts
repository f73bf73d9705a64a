import type { AgentProcess, LogLine } from '../../../../test/hil/rig/agent-process.ts';
import type { Masker } from '../mask.ts';
import type { EventBody } from '../model/events.ts';

/** Of a line's text and of each field, in characters. */
const MAX_TEXT = 600;
const MAX_FIELD = 200;
const MAX_FIELDS = 24;
/** Of every line; they say nothing here. */
const USUAL = new Set(['level', 'time', 'pid', 'hostname', 'event', 'msg']);

/** Turns an agent's life and log into events. Returns how it ends. */
export function tapAgent(agent: AgentProcess, { mask, emit }: { mask: Masker; emit(body: EventBody): void }): () => void {
  const { pid } = agent;
  emit({ kind: 'agent', state: 'started', pid });
  void agent.exited.then((code) => emit({ kind: 'agent', state: 'ended', pid, code }));
  return agent.onLine((line) => emit(lineEvent(line, mask)));
}

/** A line of the agent's log as an event, masked and cut. */
export function lineEvent(line: LogLine, mask: Masker): EventBody {
  const fields = Object.entries(line)
    .filter(([name, value]) => !USUAL.has(name) && value !== null)
    .slice(0, MAX_FIELDS)
    .map(([name, value]) => [name, fieldOf(value)]);
  const masked = mask.value(Object.fromEntries(fields)) as Record<string, unknown>;
  const said = mask.text(String(line.msg)).slice(0, MAX_TEXT);
  const words = Object.entries(masked).map(([name, value]) => `${name}=${value}`);
  return {
    kind: 'log',
    level: String(line.level),
    event: String(line.event),
    text: [said, ...words].join(' ').slice(0, MAX_TEXT),
    fields: masked,
  };
}

function fieldOf(value: unknown): string | number | boolean {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, MAX_FIELD);
}
