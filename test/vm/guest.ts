import type { CommandOptions, CommandResult } from './channel.ts';

/** What parts of the virtual hub ask of the guest. */
export interface Guest {
  /** Runs a shell script as root. See `Channel.run`. */
  run(script: string, options?: CommandOptions): Promise<CommandResult>;
  /** Like `run`, and gives its output. @throws Error with the error output when the exit code is not 0. */
  must(script: string, options?: CommandOptions): Promise<string>;
}

/** Adds `must` to something that runs scripts. */
export function createGuest(run: Guest['run']): Guest {
  return {
    run,
    async must(script, options) {
      const { exitCode, stdout, stderr } = await run(script, options);
      if (exitCode === 0) return stdout;
      throw new Error(`In the guest, exit code ${exitCode}: ${script.slice(0, 200)}: ${(stderr || stdout).trim().slice(-1_000)}`);
    },
  };
}

/** A text as one word for the shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
