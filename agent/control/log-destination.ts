import { isatty } from 'node:tty';
import type { MonotonicClock } from '../system/clock.ts';
import { nonBlockingWrite } from '../system/linux/standard-output.ts';
import { createOutput, type Output } from '../system/output.ts';
import { printableJson, printableStrings } from '../system/printable.ts';
import type { LogRing } from './log-ring.ts';

/**
 * Where the log's lines go: to the ring that hubctl reads, and as JSON to standard output, laid out for a person when that is a terminal, there with
 * local date, time and zone.
 * A full disk or a reader that does not read costs lines there, never time; `onRecovered` gets their number.
 */
export async function createLogDestination(deps: {
  ring: LogRing;
  clock: Pick<MonotonicClock, 'schedule'>;
  onRecovered(droppedLines: number): void;
}): Promise<Output> {
  const { ring, clock, onRecovered } = deps;
  const pretty = isatty(1)
    ? (await import('pino-pretty')).prettyFactory({ colorize: true, ignore: 'event,part', translateTime: 'SYS:standard' })
    : null;
  const lay = (line: string) => (pretty ? pretty(printableStrings(line)) : line);
  const output = createOutput({ writeNow: nonBlockingWrite(1), clock, onRecovered });
  return {
    write(text) {
      // Names from the air, the bus and the cloud stand in it: no reader of it, journal or terminal, may be driven by them.
      const safe = printableJson(text);
      ring.write(safe);
      output.write(lay(safe));
    },
    state: output.state,
  };
}
