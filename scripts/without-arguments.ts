import { parseArgs } from 'node:util';

const EX_USAGE = 64;

/** Of a program without arguments: whether it is to run. Else it was asked for help, or for what it does not have: that is printed, and the exit code set. */
export function isRunWithoutArguments(usage: string): boolean {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h', default: false } } });
    if (!values.help) return true;
    process.stdout.write(usage);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = EX_USAGE;
  }
  return false;
}
