/** Prints what is being done and how long it took. */
export interface Progress {
  /** A line of its own. */
  line(text: string): void;
  /** Runs `work` and prints its name with its duration, also when it fails. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
}

const MILLISECONDS = 1_000;

/** Seconds with one digit, right-aligned for tables. */
export function seconds(ms: number): string {
  return `${(ms / MILLISECONDS).toFixed(1).padStart(6)} s`;
}

/** Progress lines through `write`; times are since creation. */
export function createProgress(write: (text: string) => void): Progress {
  const started = performance.now();
  const line = (text: string) => write(`[${seconds(performance.now() - started)}] ${text}\n`);
  return {
    line,
    async step(name, work) {
      const before = performance.now();
      try {
        const result = await work();
        line(`${name} (${seconds(performance.now() - before).trim()})`);
        return result;
      } catch (error) {
        line(`${name} FAILED (${seconds(performance.now() - before).trim()})`);
        throw error;
      }
    },
  };
}
