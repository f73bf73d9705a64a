import { type IncomingMessage, request } from 'node:http';
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';
import { ADMIN_SOCKET_NAME } from '../../contract/local-sockets.ts';
import { DEADLINE_HEADER } from '../../control/api.ts';
import { parseBounded } from '../../system/bounded-json.ts';

/** Why the agent did not do what was asked. */
export type AgentProblem =
  /** No process listens: it does not run, or runs without its sockets. */
  | 'down'
  /** It takes no more connections for now. */
  | 'busy'
  /** Its socket cannot be reached; whether it runs is unknown. */
  | 'unreachable'
  /** It listens and does not answer. */
  | 'hung'
  /** The socket may not be opened. */
  | 'forbidden'
  /** It answered something that hubctl does not understand: it may be of another release. */
  | 'unclear'
  /** It answered no. */
  | 'refused';

export class AgentError extends Error {
  readonly problem: AgentProblem;
  /** The agent's error code when it refused. */
  readonly code: string | null;
  constructor(problem: AgentProblem, message: string, code: string | null = null) {
    super(message);
    this.name = 'AgentError';
    this.problem = problem;
    this.code = code;
  }
}

/** Gives a value from the agent its type. It stays as it is, with what hubctl does not know of. @throws AgentError `unclear` when it has another shape */
export type Answer<T> = (value: unknown) => T;

/** The agent behind its sockets. Every call ends within `ANSWER_TIMEOUT_MS` of silence. @throws AgentError */
export interface AgentClient {
  get<T>(path: string, answer: Answer<T>): Promise<T>;
  /** On the admin socket. */
  change<T>(method: 'POST' | 'PUT', path: string, body: unknown, answer: Answer<T>): Promise<T>;
  /** Lines of a stream as they come; ends with the stream, or when `signal` aborts. */
  lines(options: { path: string; body?: unknown; signal?: AbortSignal }, onLine: (line: string) => void): Promise<void>;
}

/** The longest wait for a hung agent in front of a terminal; with the start of hubctl it stays under 5 s. Streams have a sign of life every second. */
export const ANSWER_TIMEOUT_MS = 3_500;
/** The largest answer is a full node table. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_STREAM_LINE = 4 * 1024 * 1024;

export function createAgentClient(socketPath: string, timeoutMs = ANSWER_TIMEOUT_MS): AgentClient {
  const adminPath = join(dirname(socketPath), ADMIN_SOCKET_NAME);

  function open(socket: string, method: string, path: string, body: unknown, signal?: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      let answering: IncomingMessage | null = null;
      const headers = { [DEADLINE_HEADER]: (uptime() + timeoutMs / 1000).toFixed(2) };
      const call = request({ socketPath: socket, method, path, headers, agent: false, ...(signal && { signal }) }, (response) => {
        answering = response;
        resolve(response);
      });
      call.setTimeout(timeoutMs, () => (answering ?? call).destroy(hung(timeoutMs)));
      call.once('error', (error) => reject(unanswered(error, socket)));
      call.end(text);
    });
  }

  async function whole(response: IncomingMessage): Promise<unknown> {
    const parts: Buffer[] = [];
    let size = 0;
    try {
      for await (const part of response as AsyncIterable<Buffer>) {
        size += part.length;
        if (size > MAX_ANSWER_BYTES) throw new AgentError('unclear', 'The agent answers more than hubctl reads.');
        parts.push(part);
      }
    } catch (error) {
      throw cutOff(error);
    }
    const value = parsed(Buffer.concat(parts).toString('utf8'));
    if (response.statusCode === 200) return value;
    const { code, message } = refusalOf(value);
    throw new AgentError('refused', message ?? `status ${response.statusCode}`, code);
  }

  return {
    get: async (path, answer) => answer(await whole(await open(socketPath, 'GET', path, undefined))),
    change: async (method, path, body, answer) => answer(await whole(await open(adminPath, method, path, body))),

    async lines({ path, body, signal }, onLine) {
      const [socket, method] = body === undefined ? [socketPath, 'GET'] : [adminPath, 'POST'];
      try {
        const response = await open(socket, method, path, body, signal);
        if (response.statusCode !== 200) return void (await whole(response));
        response.setEncoding('utf8');
        let rest = '';
        for await (const part of response as AsyncIterable<string>) {
          const lines = (rest + part).split('\n');
          rest = lines.pop() ?? '';
          if (rest.length > MAX_STREAM_LINE) throw new AgentError('unclear', 'The agent sends a line without an end.');
          for (const line of lines) if (line !== '') onLine(line);
        }
        if (rest !== '') onLine(rest);
      } catch (error) {
        if (signal?.aborted) return;
        throw cutOff(error);
      }
    },
  };
}

const hung = (timeoutMs: number) => new AgentError('hung', `The agent does not answer within ${timeoutMs / 1000} s.`);

function parsed(text: string): unknown {
  try {
    return parseBounded(text);
  } catch {
    throw new AgentError('unclear', 'The agent answers something else than JSON.');
  }
}

/** What an answer of no says of its reason. */
function refusalOf(value: unknown): { code: string | null; message: string | null } {
  const error: unknown = (value as { error?: unknown } | null)?.error;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return { code: typeof code === 'string' ? code : null, message: typeof message === 'string' ? message : null };
}

/** Why there is no answer at all. */
function unanswered(error: NodeJS.ErrnoException, socket: string): Error {
  if (error instanceof AgentError) return error;
  switch (error.code) {
    case 'ENOENT':
      return new AgentError('down', `The agent does not run: ${socket} is not there.`);
    case 'ECONNREFUSED':
      return new AgentError('down', `The agent does not run: ${socket} is closed.`);
    case 'EACCES':
    case 'EPERM':
      return new AgentError('forbidden', `You may not open ${socket}. Run hubctl with sudo, or join the group hub-agent to read.`);
    // A server with all its connections in use drops the next one; a full backlog is EAGAIN (connect(2)).
    case 'ECONNRESET':
    case 'EPIPE':
    case 'EAGAIN':
      return new AgentError('busy', `The agent takes no more connections on ${socket}.`);
    default:
      // The parser's own codes.
      if (error.code?.startsWith('HPE_')) return new AgentError('unclear', 'The agent answers something else than HTTP.');
      return new AgentError('unreachable', `The agent cannot be reached on ${socket} (${error.code ?? error.message}).`);
  }
}

/** Why an answer that had begun has no end. What is no error of the system is a bug, and stays one. */
function cutOff(error: unknown): unknown {
  const isCut = typeof (error as NodeJS.ErrnoException).code === 'string' && !(error instanceof AgentError);
  return isCut ? new AgentError('down', 'The agent ended while it answered.') : error;
}
