import { type Exploration, explore, type ModelOptions } from '../unit/commands/model/explore.ts';
import type { ModelCommand } from '../unit/commands/model/machine.ts';

const once: ModelCommand = { kind: 'once', intake: 'shadow' };
const reading: ModelCommand = { kind: 'repeatable', intake: 'shadow' };
const refused: ModelCommand = { kind: 'refused', intake: 'shadow' };
const requested: ModelCommand = { kind: 'once', intake: 'executions' };

/** What is too large for the unit tests; the first is the one that the project promises. */
const CASES: Readonly<Record<string, ModelOptions>> = {
  'three commands, two crashes, one reconnect': { commands: [once, reading, once], crashes: 2, reconnects: 1 },
  'two commands, two crashes, one reconnect, one fault': { commands: [once, reading], crashes: 2, reconnects: 1, faults: 1 },
  'two commands, one crash, two faults': { commands: [reading, once], crashes: 1, faults: 2 },
  'two commands, one crash, one reconnect, a full disk': { commands: [once, reading], crashes: 1, reconnects: 1, fullDisks: 1 },
  'both intakes and a refusal, one crash, one reconnect': { commands: [once, requested, refused], crashes: 1, reconnects: 1 },
};

/** The command machine in every interleaving. The last line is JSON; a broken promise makes the exit code 1. */
export async function run(args: string[]): Promise<number> {
  const json = args.includes('--json');
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const cases: ({ name: string; seconds: number } & Exploration)[] = [];
  const startedMs = performance.now();
  for (const [name, options] of Object.entries(CASES)) {
    const fromMs = performance.now();
    try {
      const found = explore(options);
      cases.push({ name, ...found, seconds: seconds(fromMs) });
      say(`${name}: ${found.states} states, ${found.steps} steps, ${found.ends} ends, ${seconds(fromMs)} s`);
    } catch (error) {
      say(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      if (json) say(JSON.stringify({ kept: false, broken: name, cases }));
      return 1;
    }
  }
  const states = cases.reduce((sum, one) => sum + one.states, 0);
  if (json) say(JSON.stringify({ kept: true, states, seconds: seconds(startedMs), cases }));
  return 0;
}

function seconds(fromMs: number): number {
  return Math.round((performance.now() - fromMs) / 100) / 10;
}
