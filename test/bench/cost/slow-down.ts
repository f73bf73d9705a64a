/** Long enough for timers to hit, short beside everything that is measured. */
const PERIOD_MS = 50;

/**
 * Lets a process run for a share (0 … 1) of each 50 ms: what it can do in a second shrinks as on a slower processor, without rights or control groups.
 * Returns what lets it run again.
 */
export function slowDown(pid: number, share: number): () => void {
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended.
      clearInterval(timer);
    }
  };
  let running: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    signal('SIGCONT');
    running = setTimeout(() => signal('SIGSTOP'), PERIOD_MS * share);
  }, PERIOD_MS);
  return () => {
    clearInterval(timer);
    clearTimeout(running);
    signal('SIGCONT');
  };
}
