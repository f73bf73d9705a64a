import type { PlannedCommand } from './plan.ts';

/** How the commands of a run fared; every command that was sent is in exactly one of the first seven. */
export interface Tally {
  /** Run once and answered; a read-only one that a dying process had begun counts here, too. */
  executedOnce: number;
  /** Answered without a run: not known, bad args. */
  refused: number;
  /** Answered `expired` without a run, since the cloud's clock jumped past the time to live. */
  expired: number;
  /** Answered `interrupted`: run at most once, its process died, and the caller knows it. */
  interrupted: number;
  /** Answered `internal`: not run, since the full disk took no journal entry. A read-only command runs all the same. */
  unstorable: number;
  executedTwice: number;
  lost: number;
  sent: number;
  answered: number;
  /** Runs of read-only commands whose process had died under the run before. */
  rerunAfterCrash: number;
  /** Runs of something that nobody sent. */
  unknownRuns: number;
  /** Answers that fit neither the command nor a fault, or contradict an earlier answer to the same command. */
  wrongAnswers: number;
  /** Runs that began while the command still stood in `desired`, but for read-only ones that the journal did not take. */
  ranBeforeCleared: number;
}

interface Fate {
  plan: PlannedCommand;
  starts: number;
  /** Processes that died under the run, or before the journal could say that it was over. */
  deaths: number;
  runningIn: number | null;
  /** Processes of the hub that ended while the command was open: an excuse for `interrupted`. */
  ends: number;
  /** The journal could not be written: an excuse for `internal`. */
  unjournaled: boolean;
  /** `status code` of each answer seen. */
  answers: Set<string>;
  page: boolean;
  final: boolean;
}

/** What the outside saw of every command of one hub: log lines, result pages, reported states, executions. */
export interface Ledger {
  sent(id: string, plan: PlannedCommand): void;
  /** The id of the command with this tag. */
  find(tag: string): string | null;
  /** Those that came through native executions, oldest first. */
  executions(): { id: string; plan: PlannedCommand }[];
  started(id: string, pid: number, standing: boolean): void;
  journalFailed(id: string): void;
  /** The process was asked to stop: what it has in hand may be answered `interrupted` from now on. */
  stopping(): void;
  /** A process ended in whatever way. */
  died(pid: number): void;
  page(id: string, status: string, code: string | null): void;
  /** A final state in the shadow, or of the execution. */
  final(id: string, status: string, code: string | null): void;
  isAnswered(id: string): boolean;
  /** Ids of commands that are sent and not answered yet. */
  open(): string[];
  tally(): Tally;
  /** What is wrong, for a person. */
  complaints(): string[];
}

export function createLedger(): Ledger {
  const fates = new Map<string, Fate>();
  const unknown = new Map<string, number>();
  const early: string[] = [];
  let isStopping = false;

  /** Both places; of a command that could not be journaled the next process knows nothing, and what the shadow says must do. */
  const isAnswered = (fate: Fate) => fate.final && (fate.page || fate.unjournaled);
  const isTwice = ({ plan, starts, deaths }: Fate) => starts > 1 + (plan.repeatable ? deaths : 0);

  function isExpected({ plan, ends, unjournaled }: Fate, answer: string): boolean {
    const { status, code } = plan.expected;
    if (answer === `${status} ${code}`) return true;
    if (answer === 'TIMED_OUT expired') return plan.intake === 'shadow';
    if (status === 'REJECTED') return false;
    return (answer === 'FAILED interrupted' && ends > 0) || (answer === 'FAILED internal' && unjournaled);
  }

  /** With a broken journal the next process cannot know what the one before had answered. */
  const isWrong = (fate: Fate) =>
    [...fate.answers].some((answer) => !isExpected(fate, answer)) || (fate.answers.size > 1 && !fate.unjournaled);

  function kindOf(fate: Fate): 'executedTwice' | 'lost' | 'refused' | 'expired' | 'interrupted' | 'unstorable' | 'executedOnce' {
    if (isTwice(fate)) return 'executedTwice';
    const [answer = ''] = fate.answers;
    if (!isAnswered(fate)) return 'lost';
    if (answer === 'TIMED_OUT expired') return 'expired';
    if (answer === 'FAILED interrupted') return 'interrupted';
    if (answer === 'FAILED internal') return 'unstorable';
    if (answer.startsWith('REJECTED')) return 'refused';
    // An answer without a run is none.
    return fate.starts > 0 ? 'executedOnce' : 'lost';
  }

  return {
    sent: (id, plan) =>
      void fates.set(id, {
        plan,
        starts: 0,
        deaths: 0,
        runningIn: null,
        ends: isStopping ? 1 : 0,
        unjournaled: false,
        answers: new Set(),
        page: false,
        final: false,
      }),

    find: (tag) => [...fates].findLast(([, { plan }]) => plan.tag === tag)?.[0] ?? null,

    executions: () => [...fates].filter(([, { plan }]) => plan.intake === 'executions').map(([id, { plan }]) => ({ id, plan })),

    started(id, pid, standing) {
      const fate = fates.get(id);
      if (!fate) return void unknown.set(id, (unknown.get(id) ?? 0) + 1);
      fate.starts += 1;
      fate.runningIn = pid;
      // What only reads may run while it stands when the journal took no entry of it.
      if (standing && !(fate.plan.repeatable && fate.unjournaled)) early.push(id);
    },

    journalFailed(id) {
      const fate = fates.get(id);
      if (fate) fate.unjournaled = true;
    },

    stopping() {
      isStopping = true;
      for (const fate of fates.values()) if (!fate.final) fate.ends += 1;
    },

    died(pid) {
      isStopping = false;
      for (const fate of fates.values()) {
        if (!fate.final) fate.ends += 1;
        if (fate.runningIn !== pid) continue;
        fate.runningIn = null;
        if (!fate.page || fate.unjournaled) fate.deaths += 1;
      }
    },

    page(id, status, code) {
      const fate = fates.get(id);
      if (!fate) return;
      fate.page = true;
      fate.answers.add(`${status} ${code}`);
    },

    final(id, status, code) {
      const fate = fates.get(id);
      if (!fate) return;
      fate.final = true;
      fate.answers.add(`${status} ${code}`);
    },

    isAnswered: (id) => {
      const fate = fates.get(id);
      return fate !== undefined && isAnswered(fate);
    },

    open: () => [...fates].filter(([, fate]) => !isAnswered(fate)).map(([id]) => id),

    tally() {
      const all = [...fates.values()];
      const count = (kind: ReturnType<typeof kindOf>) => all.filter((fate) => kindOf(fate) === kind).length;
      return {
        sent: all.length,
        answered: all.filter(isAnswered).length,
        executedOnce: count('executedOnce'),
        refused: count('refused'),
        expired: count('expired'),
        interrupted: count('interrupted'),
        unstorable: count('unstorable'),
        executedTwice: count('executedTwice'),
        lost: count('lost'),
        rerunAfterCrash: all.reduce((sum, fate) => sum + (isTwice(fate) ? 0 : Math.max(0, fate.starts - 1)), 0),
        unknownRuns: [...unknown.values()].reduce((sum, runs) => sum + runs, 0),
        wrongAnswers: all.filter(isWrong).length,
        ranBeforeCleared: early.length,
      };
    },

    complaints() {
      const lines = [...fates]
        .filter(([, fate]) => kindOf(fate) === 'lost' || isTwice(fate) || isWrong(fate))
        .map(([id, fate]) => {
          const what = isTwice(fate) ? 'run twice' : isWrong(fate) ? 'wrongly answered' : 'lost';
          const seen = [...fate.answers].join(', ') || 'nothing';
          return `${what}: ${id} ${fate.plan.tag} ${fate.plan.command} by ${fate.plan.intake}: ${fate.starts} runs, ${fate.deaths} deaths, page ${fate.page}, final ${fate.final}, answers ${seen}`;
        });
      for (const [id, runs] of unknown) lines.push(`run, but never sent: ${id}, ${runs} runs`);
      for (const id of early) lines.push(`run while it stood in desired: ${id}`);
      return lines;
    },
  };
}

/** Adds up the tallies of several hubs. */
export function total(tallies: readonly Tally[]): Tally {
  const sum: Tally = {
    executedOnce: 0,
    refused: 0,
    expired: 0,
    interrupted: 0,
    unstorable: 0,
    executedTwice: 0,
    lost: 0,
    sent: 0,
    answered: 0,
    rerunAfterCrash: 0,
    unknownRuns: 0,
    wrongAnswers: 0,
    ranBeforeCleared: 0,
  };
  for (const tally of tallies) for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += tally[key];
  return sum;
}
