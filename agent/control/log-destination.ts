import { isatty } from 'node:tty';
import type { MonotonicClock } from '../system/clock.ts';
import { nonBlockingWrite } from '../system/linux/standard-output.ts';
import { createOutput, type Output } from '../system/output.ts';
import type { LogRing } from './log-ring.ts';

/**
 * Where the log's lines go: to the ring that hubctl reads, and as JSON to standard output, laid out for a person when that is a terminal.
 * A full disk or a reader that does not read costs lines there, never time; `onRecovered` is told how many.
 */
export async function createLogDestination(deps: {
  ring: LogRing;
  clock: Pick<MonotonicClock, 'schedule'>;
  onRecovered(droppedLines: number): void;
}): Promise<Output> {
  const { ring, clock, onRecovered } = deps;
  const lay = isatty(1)
    ? (await import('pino-pretty')).prettyFactory({ colorize: true, ignore: 'event,part', translateTime: 'SYS:HH:MM:ss.l' })
    : (line: string) => line;
  const output = createOutput({ writeNow: nonBlockingWrite(1), clock, onRecovered });
  return {
    write(text) {
      ring.write(text);
      output.write(lay(text));
    },
    state: output.state,
  };
}
