import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createSignal, until } from './until.ts';

/** One line of the agent's log. */
export type LogLine = { level: string; event: string; msg: string } & Record<string, unknown>;

/** The real agent as a process of its own. */
export interface AgentProcess {
  readonly pid: number;
  /** Parsed log lines so far. */
  readonly lines: readonly LogLine[];
  /** Everything it wrote, as it came. */
  output(): string;
  onLine(listener: (line: LogLine) => void): () => void;
  /** The first line with this event, past or to come, from `since` (an index into `lines`) on. */
  waitFor(event: string, options?: { since?: number; timeoutMs?: number; where?: (line: LogLine) => boolean }): Promise<LogLine>;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** SIGTERM, then waits. */
  stop(): Promise<number | string>;
  /** SIGKILL, then waits. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
}

const UNIT = new URL('../../../systemd/hub-agent.service', import.meta.url);

/** Node's options in the unit: what the tests, the demo and the benchmarks run is started as a hub starts it. */
export function nodeFlags(): string[] {
  const start = /^ExecStart=.*\/launch agent (.*)$/m.exec(readFileSync(UNIT, 'utf8'));
  if (!start) throw new Error('systemd/hub-agent.service has no ExecStart= with the launcher and the options of Node');
  return start[1]!.split(' ');
}

/** The variables that the unit sets: `Environment=` of systemd.exec(5), here always words without quotes. */
export function unitEnvironment(): Record<string, string> {
  const lines = readFileSync(UNIT, 'utf8').matchAll(/^Environment=(.*)$/gm);
  const words = [...lines].flatMap(([, line]) => line!.split(' '));
  return Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
}

const MAIN = fileURLToPath(new URL('../../../agent/main.ts', import.meta.url));
/** Node keeps compiled sources here, as other tools do: half of a start's processor time (measured). */
const COMPILE_CACHE = fileURLToPath(new URL('../../../node_modules/.cache/hub-agent', import.meta.url));
/** Names a built bundle to run instead of the sources. */
const MAIN_VARIABLE = 'HUB_RIG_AGENT';

/** util-linux: the agent dies with the harness, even when the harness is killed. It execs, so the process is the agent's own. */
const SETPRIV = '/usr/bin/setpriv';

/** Starts the agent with the running Node: from its sources, or the bundle that `HUB_RIG_AGENT` names. */
export function startAgentProcess(options: {
  identityPath: string;
  configPath: string;
  /** What to run instead: a program and its first arguments, the agent's own follow. */
  program?: readonly string[];
  /** More arguments. */
  args?: readonly string[];
  env?: Record<string, string>;
}): AgentProcess {
  const words = [
    ...(existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL'] : []),
    ...(options.program ?? [process.execPath, ...nodeFlags(), process.env[MAIN_VARIABLE] ?? MAIN]),
    '--identity',
    options.identityPath,
    '--config',
    options.configPath,
    ...(options.args ?? []),
  ];
  const { NODE_DISABLE_COMPILE_CACHE: _, ...environment } = unitEnvironment();
  const child: ChildProcess = spawn(words[0]!, words.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own session: a Ctrl-C in the terminal is for the demo, which then stops the agent in order.
    detached: true,
    env: { ...process.env, ...environment, NODE_COMPILE_CACHE: COMPILE_CACHE, ...options.env },
  });
  const lines: LogLine[] = [];
  const raw: string[] = [];
  const signal = createSignal();
  const listeners = new Set<(line: LogLine) => void>();
  // A harness that ends leaves no agent behind, however it ends.
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);

  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (text) => {
      raw.push(text);
      const line = parseLine(text);
      lines.push(line);
      for (const listener of listeners) listener(line);
      signal.fire();
    });
  }
  const exited = new Promise<number | string>((resolve) => {
    child.once('close', (code, killedBy) => {
      process.removeListener('exit', killAtExit);
      resolve(code ?? killedBy ?? -1);
      signal.fire();
    });
  });

  return {
    pid: child.pid!,
    lines,
    output: () => raw.join('\n'),
    onLine(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    waitFor(event, { since = 0, timeoutMs, where = () => true } = {}) {
      return until(
        signal.subscribe,
        `log line ${event}`,
        () => lines.slice(since).find((line) => line.event === event && where(line)),
        timeoutMs,
      );
    },
    exited,
    async stop() {
      child.kill('SIGTERM');
      return await exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  };
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: 'raw', event: 'raw', msg: text };
  }
}
