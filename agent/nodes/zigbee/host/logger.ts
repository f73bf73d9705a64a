import { maskKeys } from '../process/mask.ts';
import type { ProcessEvent } from '../process/words.ts';
import type { LibraryLogger } from './library.ts';

const MAX_TEXT = 1_000;
/** The library repeats some of its complaints for every frame. */
const MAX_LINES_A_MINUTE = 10;
const MINUTE_MS = 60_000;

/** Passes the library's log on: no detail, no keys, and no more lines than can be read. */
export function createLibraryLogger(emit: (event: ProcessEvent) => void, nowMs: () => number): LibraryLogger {
  let minute = 0;
  let lines = 0;
  const pass = (level: 'info' | 'warn' | 'error') => (message: string | (() => string), namespace: string) => {
    const now = Math.floor(nowMs() / MINUTE_MS);
    if (now !== minute) [minute, lines] = [now, 0];
    lines += 1;
    if (lines > MAX_LINES_A_MINUTE) return;
    try {
      const text = typeof message === 'function' ? message() : message;
      emit({ kind: 'log', level, text: maskKeys(`${namespace}: ${text}`).slice(0, MAX_TEXT) });
    } catch {
      // A message that cannot be made is no reason to end.
    }
  };
  // Its debug lines hold the stick's memory and every frame: they go nowhere.
  return { debug: () => {}, info: pass('info'), warning: pass('warn'), error: pass('error') };
}
