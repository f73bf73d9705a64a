import { createPaint, type Terminal } from '../../../agent/hubctl/terminal/terminal.ts';

/** A terminal that keeps what is written. */
export interface FakeTerminal extends Terminal {
  readonly output: string[];
  readonly errors: string[];
  /** Everything on standard output as one text. */
  text(): string;
  /** Standard output as JSON. */
  json(): unknown;
  interrupt(): void;
}

export function createFakeTerminal(
  options: { columns?: number; secret?: string | null; answer?: string | null; onOut?: () => void } = {},
): FakeTerminal {
  const output: string[] = [];
  const errors: string[] = [];
  const interrupt = new AbortController();
  return {
    output,
    errors,
    text: () => output.join('\n'),
    json: () => JSON.parse(output.join('\n')),
    interrupt: () => interrupt.abort(),
    out(text) {
      output.push(text);
      options.onOut?.();
    },
    error: (text) => void errors.push(text),
    columns: options.columns ?? 80,
    interactive: false,
    paint: createPaint(false, {}),
    clear: '',
    readSecret: async () => options.secret ?? null,
    ask: async () => options.answer ?? null,
    interrupted: interrupt.signal,
    lost: () => null,
  };
}
