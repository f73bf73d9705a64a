#!/usr/bin/env node
import { createHubctlPorts } from './compose/hubctl-ports.ts';
import { EXIT } from './hubctl/cli/exit-codes.ts';
import { hubctl } from './hubctl/cli/hubctl.ts';
import { createTerminal } from './hubctl/terminal/terminal.ts';
import { messageOf } from './system/errors.ts';

hubctl(process.argv.slice(2), createTerminal(process), createHubctlPorts()).then(
  (code) => {
    process.exitCode = code;
    // Standard output may be a pipe that still takes what was written; then the process ends, whatever is left open.
    process.stdout.write('', () => process.exit(code));
  },
  (error: unknown) => {
    process.stderr.write(`hubctl: ${error instanceof Error ? error.stack : messageOf(error)}\n`);
    process.exit(EXIT.bug);
  },
);
