import type { HubResult } from './flash.ts';

/** How far a batch is, for the person who watches. */
export interface Progress {
  result(result: HubResult): void;
  /** Hubs a second since the first result, those that were done before left out. */
  rate(): number;
  end(): void;
}

/** On a terminal one line that changes, elsewhere a line at times. */
const TERMINAL_EVERY = 10;
const FILE_EVERY = 100;

export function createProgress(out: NodeJS.WriteStream, total: number): Progress {
  const started = performance.now();
  let seen = 0;
  let flashed = 0;
  const rate = () => Math.round((flashed / ((performance.now() - started) / 1000)) * 10) / 10;
  const line = () => `${seen} of ${total}, ${rate()} hubs a second`;
  return {
    rate,
    result({ state }) {
      seen += 1;
      if (state === 'flashed') flashed += 1;
      if (out.isTTY && seen % TERMINAL_EVERY === 0) out.write(`\r${line()}\u001b[K`);
      else if (!out.isTTY && seen % FILE_EVERY === 0) out.write(`${line()}\n`);
    },
    end() {
      if (out.isTTY && seen > 0) out.write(`\r${line()}\u001b[K\n`);
    },
  };
}
