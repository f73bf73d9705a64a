import { fuzz } from './fuzz/fuzz.ts';

const PAYLOADS = 1_000_000;

/**
 * `npm run bench -- fuzz [--payloads N] [--seed N]`: a million payloads through the real SDK into a real agent, over all topics that it hears.
 * Answers 0 when the process outlived them, answered in between, and no exception was caught.
 */
export async function run(args: string[]): Promise<number> {
  const option = (name: string, usual: number) => (args.includes(name) ? Number(args[args.indexOf(name) + 1]) : usual);
  const seed = option('--seed', Math.floor(Math.random() * 2 ** 32));
  const payloads = option('--payloads', PAYLOADS);
  process.stdout.write(`seed ${seed}\n`);
  let shown = 0;
  const startMs = performance.now();
  const report = await fuzz({
    seed,
    payloads,
    onProgress(sent) {
      if (sent - shown < payloads / 20) return;
      shown = sent;
      process.stdout.write(`${sent} payloads\n`);
    },
  });
  process.stdout.write(`${JSON.stringify({ ...report, seconds: Math.round((performance.now() - startMs) / 1000) })}\n`);
  return report.alive && report.faults.length === 0 ? 0 : 1;
}
