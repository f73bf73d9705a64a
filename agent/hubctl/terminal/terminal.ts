import { createOutputGuard } from './output-guard.ts';

/** Where hubctl writes and what it asks. */
export interface Terminal {
  /** Lines for the asker; with `--json` nothing but JSON. */
  out(text: string): void;
  /** What went wrong, and questions. */
  error(text: string): void;
  /** Width of the terminal, or the default of a pipe. */
  readonly columns: number;
  /** Standard output is a terminal. */
  readonly interactive: boolean;
  readonly paint: Paint;
  /** Written before a screen that replaces the one before it; empty where there is no terminal. */
  readonly clear: string;
  /** Reads a line without showing it; from a pipe, its first line. Null at its end or when interrupted. */
  readSecret(prompt: string): Promise<string | null>;
  /** Reads a line that is shown. Null at the end of input, when interrupted, and without a terminal. */
  ask(prompt: string): Promise<string | null>;
  /** Aborts on Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** Why output was lost, other than by a reader that is gone; null: it was not. */
  lost(): Error | null;
}

export type Colour = 'good' | 'warn' | 'bad' | 'dim' | 'bold';

/** Colours a text, or leaves it as it is where there are no colours. */
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, number>> = { good: 32, warn: 33, bad: 31, dim: 2, bold: 1 };

/**
 * ECMA-48 colours: only on a terminal, and not where they are unwanted (no-color.org) or not understood. `mark`: that of the output guard, which has
 * to stand in each escape; `util.styleText` has no place for it.
 */
export function createPaint(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>, mark = ''): Paint {
  const coloured = isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
  return (colour, text) => (coloured ? `\u001b[${mark}${CODES[colour]}m${text}\u001b[${mark}0m` : text);
}

/** Pipes and terminals that do not say how wide they are. */
const USUAL_COLUMNS = 80;
/** Narrower ones get lines that wrap by themselves. */
const MIN_COLUMNS = 40;
/** `COLUMNS` may be any number; nobody reads longer lines. */
const MAX_COLUMNS = 1_000;
/** The longest secret is 64 characters; more than this is no line. */
const MAX_LINE = 1024;

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

type Input = NodeJS.ReadStream | NodeJS.ReadableStream;

/** The process's own terminal. `json`: standard output is JSON. All output passes the output guard. */
export function createTerminal(process: NodeJS.Process, json: boolean): Terminal {
  const { stdin, stdout, stderr, env } = process;
  const words = createOutputGuard(false);
  const output = json ? createOutputGuard(true, words.mark) : words;
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  let lost: Error | null = null;
  stderr.on('error', () => interrupt.abort());
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // `hubctl logs | head`: the reader is gone, and that is fine.
    if (error.code !== 'EPIPE') lost ??= error;
    interrupt.abort();
  });

  return {
    out: (text) => void stdout.write(`${output.pass(text)}\n`),
    error: (text) => void stderr.write(`${words.pass(text)}\n`),
    get columns() {
      return Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, Math.floor(stdout.columns || Number(env.COLUMNS) || USUAL_COLUMNS)));
    },
    interactive: stdout.isTTY === true,
    paint: createPaint(stdout.isTTY === true, env, words.mark),
    // Home, and clear below: no flicker over a slow link.
    clear: stdout.isTTY === true ? `\u001b[${words.mark}H\u001b[${words.mark}J` : '',
    interrupted: interrupt.signal,
    lost: () => lost,

    async readSecret(prompt) {
      if (!stdin.isTTY) return readLine(stdin, interrupt.signal);
      const line = await readHidden(stdin, () => stderr.write(words.pass(prompt)), interrupt);
      stderr.write('\n');
      return line;
    },

    async ask(prompt) {
      if (!stdin.isTTY) return null;
      stderr.write(words.pass(prompt));
      return readLine(stdin, interrupt.signal);
    },
  };
}

function readLine(input: Input, interrupted: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    let text = '';
    const end = (line: string | null) => {
      input.removeListener('data', onData).removeListener('end', onEnd);
      interrupted.removeEventListener('abort', onInterrupt);
      input.pause();
      resolve(line);
    };
    const onData = (part: string | Buffer) => {
      text += String(part);
      const at = text.indexOf('\n');
      if (at >= 0) end(text.slice(0, at).replace(/\r$/, ''));
      else if (text.length > MAX_LINE) end(null);
    };
    const onEnd = () => end(text === '' ? null : text);
    const onInterrupt = () => end(null);
    input.on('data', onData).on('end', onEnd);
    interrupted.addEventListener('abort', onInterrupt, { once: true });
    if (interrupted.aborted) return end(null);
    input.resume();
  });
}

/** Raw mode: the terminal shows nothing, and editing and Ctrl-C are ours. It is asked only then: a fast hand's first letters would be shown. */
function readHidden(input: NodeJS.ReadStream, ask: () => void, interrupt: AbortController): Promise<string | null> {
  return new Promise((resolve) => {
    let text = '';
    const end = (line: string | null) => {
      input.removeListener('data', onData);
      input.setRawMode(false);
      input.pause();
      resolve(line);
    };
    const onData = (part: Buffer) => {
      for (const character of part.toString('utf8')) {
        if (character === '\r' || character === '\n') return end(text);
        if (character === CTRL_C) {
          end(null);
          return interrupt.abort();
        }
        if (character === CTRL_D && text === '') return end(null);
        if (character === '\u007f' || character === '\b') text = [...text].slice(0, -1).join('');
        else if (character === '\u0015') text = '';
        else if (character >= ' ' && text.length < MAX_LINE) text += character;
      }
    };
    input.setRawMode(true);
    input.on('data', onData);
    input.resume();
    ask();
  });
}
