/** sysexits.h: an error on output. */
export const EX_IOERR = 74;

/** What a program had to say could not be written, as on a full disk. */
export class OutputLost extends Error {
  constructor(cause: Error) {
    super(`the output could not be written: ${cause.message}`, { cause });
  }
}

/** Writes to standard output. A reader that has gone is no error. @throws OutputLost */
export function writeOutput(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // The stream emits the error as well as passing it to the callback.
    process.stdout.once('error', () => {});
    process.stdout.write(text, (error) =>
      error && (error as NodeJS.ErrnoException).code !== 'EPIPE' ? reject(new OutputLost(error)) : resolve(),
    );
  });
}
