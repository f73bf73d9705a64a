import type { Walk } from '../support/walk.ts';
import { explorePresence, type PresenceOptions } from '../unit/cloud/shadow/model/explore.ts';
import { explore, type ModelOptions } from '../unit/commands/model/explore.ts';
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

/** Presence and reports, as far as the unit tests do not go. */
const PRESENCE: Readonly<Record<string, PresenceOptions>> = {
  'presence: a fall of the link': { falls: 1 },
  'presence: an end of the process': { crashes: 1 },
  'presence: two changes, two faults': { changes: 2, faults: 2 },
  'presence: a command, a change, a fault': { commands: 1, changes: 1, faults: 1 },
};

/** The machines of commands and of presence in every interleaving. With `--json` the last line is JSON; a broken promise makes the exit code 1. */
export async function run(args: string[]): Promise<number> {
  const json = args.includes('--json');
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const cases: ({ name: string; seconds: number } & Walk)[] = [];
  const startedMs = performance.now();
  const explorations: [string, () => Walk][] = [
    ...Object.entries(CASES).map(([name, options]): [string, () => Walk] => [name, () => explore(options)]),
    ...Object.entries(PRESENCE).map(([name, options]): [string, () => Walk] => [name, () => explorePresence(options)]),
  ];
  for (const [name, exploration] of explorations) {
    const fromMs = performance.now();
    try {
      const found = exploration();
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
