/**
 * Waits for work and says whether it ended before a timer of this process: 'in time', or how it was late. On a machine that is busy with
 * something else both are late alike, so this bound is about the program and not about the machine.
 */
export async function inTime(boundMs: number, work: () => Promise<unknown>): Promise<string> {
  let verdict = 'in time';
  const timer = setTimeout(() => {
    verdict = `took longer than ${boundMs} ms`;
  }, boundMs);
  try {
    await work();
    return verdict;
  } finally {
    clearTimeout(timer);
  }
}
