type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Collects garbage at once, and gives the freed pages back to the system. Strings cannot be overwritten, and what was parsed or sent with a
 * secret in it lies in memory until its place is used again: after a Wi-Fi change that may be for hours (19 copies of the password after it, 6 to 8 with a collection; `test/hil/secret-copies.test.ts`).
 * The process stands still meanwhile, some ten milliseconds.
 */
export function collectGarbage(): void {
  // Loaded here: a start has no use for them.
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
