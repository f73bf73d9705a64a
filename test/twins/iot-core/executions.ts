import type { Cancel } from '../../../agent/system/clock.ts';
import { isObject, type JsonObject } from './shadow-document.ts';
import type { Timers } from './timers.ts';
import { executionTopicPrefix } from './topics.ts';
import type { CommandExecution, ExecutionStatus } from './types.ts';

/** AWS's default time for an execution ("Start and monitor command executions"). */
const DEFAULT_TIMEOUT_SECONDS = 10;
const MAX_REASON_DESCRIPTION = 1024;
const REASON_CODE = /^[A-Z0-9_-]{1,64}$/;
const DEVICE_STATUSES: readonly string[] = ['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT'];

export interface ExecutionsDeps {
  timers: Timers;
  uuid(): string;
  /** With a request go its content type and its time-out, as the message's expiry; an answer has neither. */
  publish(topic: string, payload: string, properties?: { contentType: string; messageExpiryInterval: number }): void;
}

/** The Commands feature of AWS IoT Device Management: one id for each execution, one answer topic for each id. */
export interface Executions {
  start(thingName: string, payload: unknown, options?: { timeoutSeconds?: number; executionId?: string }): string;
  /** A device's answer, from its response topic. */
  respond(thingName: string, executionId: string, payload: Buffer): void;
  find(executionId: string): CommandExecution | null;
  onChange(handler: (execution: CommandExecution) => void): () => void;
}

interface Stored {
  execution: CommandExecution;
  /** A time-out that the cloud declared may still be corrected by the device; its own final status may not. */
  final: boolean;
  cancelTimeout: Cancel;
}

export function createExecutions(deps: ExecutionsDeps): Executions {
  const executions = new Map<string, Stored>();
  const handlers = new Set<(execution: CommandExecution) => void>();

  function changed({ execution }: Stored): void {
    for (const handler of [...handlers]) handler({ ...execution });
  }

  function timeOut(stored: Stored): void {
    stored.execution.status = 'TIMED_OUT';
    stored.execution.statusReason = { reasonCode: '$NO_RESPONSE_FROM_DEVICE' };
    changed(stored);
  }

  return {
    start(thingName, payload, options = {}) {
      const executionId = options.executionId ?? deps.uuid();
      const execution: CommandExecution = {
        executionId,
        thingName,
        status: 'CREATED',
        statusReason: null,
        result: null,
        acceptedResponses: 0,
        rejectedResponses: 0,
      };
      const timeoutSeconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
      const cancelTimeout = deps.timers.schedule(timeoutSeconds * 1000, () => timeOut(stored));
      const stored: Stored = { execution, final: false, cancelTimeout };
      executions.set(executionId, stored);
      const properties = { contentType: 'application/json', messageExpiryInterval: timeoutSeconds };
      deps.publish(`${executionTopicPrefix(thingName, executionId)}/request/json`, JSON.stringify(payload), properties);
      return executionId;
    },
    respond(thingName, executionId, payload) {
      const topic = `${executionTopicPrefix(thingName, executionId)}/response`;
      const stored = executions.get(executionId);
      const refuse = (error: string, errorMessage: string) => {
        if (stored) stored.execution.rejectedResponses++;
        deps.publish(`${topic}/rejected/json`, JSON.stringify({ error, errorMessage, executionId }));
      };
      if (stored?.execution.thingName !== thingName) return refuse('ResourceNotFound', 'Command execution not found');
      const answer = parse(payload);
      if (answer === null) return refuse('InvalidJson', 'The payload is not a JSON object');
      if (typeof answer === 'string') return refuse('InvalidRequest', answer);
      if (stored.final) return refuse('InvalidStateTransition', `Command execution is already ${stored.execution.status}`);
      const { execution } = stored;
      Object.assign(execution, answer);
      execution.acceptedResponses++;
      if (answer.status !== 'IN_PROGRESS') {
        stored.final = true;
        stored.cancelTimeout();
      }
      deps.publish(`${topic}/accepted/json`, JSON.stringify({ executionId }));
      changed(stored);
    },
    find: (executionId) => {
      const stored = executions.get(executionId);
      return stored ? { ...stored.execution } : null;
    },
    onChange(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}

type Answer = Pick<CommandExecution, 'status' | 'statusReason' | 'result'>;

/** Checks an `UpdateCommandExecution` payload. A string is why it is refused, null: it is no JSON. */
function parse(payload: Buffer): Answer | string | null {
  let document: unknown;
  try {
    document = JSON.parse(payload.toString('utf8'));
  } catch {
    return null;
  }
  if (!isObject(document)) return null;
  const { status, statusReason, result } = document;
  if (typeof status !== 'string' || !DEVICE_STATUSES.includes(status)) return 'Invalid status';
  if (statusReason !== undefined && !isStatusReason(statusReason)) return 'Invalid statusReason';
  if (result !== undefined && !isResult(result)) return 'Invalid result';
  return {
    status: status as ExecutionStatus,
    statusReason: (statusReason as CommandExecution['statusReason'] | undefined) ?? null,
    result: (result as JsonObject | undefined) ?? null,
  };
}

function isStatusReason(value: unknown): boolean {
  if (!isObject(value) || typeof value.reasonCode !== 'string' || !REASON_CODE.test(value.reasonCode)) return false;
  const { reasonDescription = '' } = value;
  return typeof reasonDescription === 'string' && reasonDescription.length <= MAX_REASON_DESCRIPTION;
}

/** AWS's result is a map of at least one typed value: `s` a string, `b` a boolean, `bin` base64. */
function isResult(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length > 0 && Object.values(value).every(isTypedValue);
}

function isTypedValue(value: unknown): boolean {
  if (!isObject(value)) return false;
  const fields = Object.entries(value);
  return (
    fields.length === 1 &&
    fields.every(([type, field]) => (type === 'b' ? typeof field === 'boolean' : /^(s|bin)$/.test(type) && typeof field === 'string'))
  );
}
