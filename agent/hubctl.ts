#!/usr/bin/env node
import { createHubctlPorts } from './compose/hubctl-ports.ts';
import { EXIT } from './hubctl/cli/exit-codes.ts';
import { hubctl } from './hubctl/cli/hubctl.ts';
import { createTerminal } from './hubctl/terminal/terminal.ts';
import { createMonotonicClock } from './system/clock.ts';
import { messageOf } from './system/errors.ts';

const argv = process.argv.slice(2);
const terminal = createTerminal(process, argv.includes('--json'));
const clock = createMonotonicClock();

/** In a turn of its own: a stream reports a failed write after the callbacks of the turn. */
function end(code: number): void {
  const lost = terminal.lost();
  if (lost === null) process.exit(code);
  terminal.error(`hubctl: the output could not be written: ${lost.message}`);
  process.exit(EXIT.output);
}

hubctl(argv, terminal, createHubctlPorts()).then(
  (code) => {
    process.exitCode = code;
    // Standard output may be a pipe that still takes what was written; then the process ends, with what is left open.
    process.stdout.write('', () => void clock.schedule(0, () => end(code)));
  },
  (error: unknown) => {
    terminal.error(`hubctl: ${error instanceof Error ? error.stack : messageOf(error)}`);
    process.exit(EXIT.bug);
  },
);
