import { done, next } from '../../../../agent/commands/lifecycle/batch.ts';
import type { Candidate, Entry } from '../../../../agent/commands/lifecycle/entry.ts';
import { recover, restore, step } from '../../../../agent/commands/lifecycle/lifecycle.ts';
import type { CommandsEffect, CommandsEvent, CommandsState, Step } from '../../../../agent/commands/lifecycle/machine.ts';
import type { CommandOutcome } from '../../../../agent/contract/command.ts';
import { type Code, code, EFFECT, idOf, isExpired, kindOf, OUTCOME, otherOf, outcomeOf, TO_HUB, versionOf } from './codes.ts';

/** The agent's own code under test; a test breaks a part of it to see that the exploration notices. */
export interface Machine {
  step: typeof step;
  recover: typeof recover;
  next: typeof next;
  done: typeof done;
}

export const realMachine: Machine = { step, recover, next, done };

/** How a command of the cloud behaves on the hub. */
export interface ModelCommand {
  /** `again`: the one before, sent a second time within the second, which makes the two one command. */
  kind: 'repeatable' | 'once' | 'refused' | 'again';
  intake: 'shadow' | 'executions';
}

/** A hub with effects to carry out. */
export interface Batch {
  core: number;
  view: number;
  /** -1: no read in flight. */
  reading: number;
  /** The one to carry out now; 0: all are done. */
  effect: Code;
  /** What is left after it; `ok`: false when its record could not be written. */
  done(ok: boolean): Batch;
}

/**
 * The hub's state as a number: everything but the two versions, which the model renumbers. Every step is computed once by the agent's own
 * code and remembered; that is exact, because it consists of pure functions.
 */
export interface Hub {
  /** The core of a hub without entries, link down. */
  readonly empty: number;
  react(core: number, view: number, reading: number, event: Code): Batch;
  /** A process that starts with these journal records, one a command, 0 for none. */
  boot(journal: readonly number[]): Batch;
  isUp(core: number): boolean;
  /** The entry of a command as a journal record, 0 when the hub does not know it. */
  recordOf(core: number, id: number): number;
  /** The record as the journal writes it: without the args of what may not run again. */
  written(record: number): number;
  /** The record as the journal reads it once it is marked as answered. */
  concluded(record: number): number;
  entry(record: number): Entry;
  outcome(record: number): number;
}

type Ended = Exclude<CommandOutcome, { status: 'SUCCEEDED' }>['status'];
const refusal = (status: Ended, code: 'unknown_command' | 'expired'): CommandOutcome => ({
  status,
  error: { code, message: '' },
});
const OUTCOMES: Record<number, CommandOutcome> = {
  [OUTCOME.done]: { status: 'SUCCEEDED', result: {} },
  [OUTCOME.refused]: refusal('REJECTED', 'unknown_command'),
  [OUTCOME.expired]: refusal('TIMED_OUT', 'expired'),
};

/** The class of an outcome: what its contents are makes no difference to the machine. */
function classOf(outcome: CommandOutcome | null): number {
  if (!outcome) return OUTCOME.none;
  if (outcome.status === 'SUCCEEDED') return OUTCOME.done;
  if (outcome.error.code === 'interrupted') return OUTCOME.interrupted;
  return outcome.status === 'REJECTED' ? OUTCOME.refused : outcome.status === 'TIMED_OUT' ? OUTCOME.expired : OUTCOME.unjournaled;
}

const nameOf = (id: number) => 'abcdefg'[id - 1]!;
const numberOf = (id: string) => 'abcdefg'.indexOf(id) + 1;

export function createHub(machine: Machine, commands: readonly ModelCommand[]): Hub {
  const records: (Entry | null)[] = [null];
  const recordNumbers = new Map<string, number>([['', 0]]);
  const cores: { state: CommandsState; records: number[] }[] = [];
  const coreNumbers = new Map<string, number>();
  const reactions = new Map<number, Batch>();
  const boots = new Map<string, Batch>();

  function recordOf(entry: Entry): number {
    const key = `${entry.id} ${entry.stage} ${entry.args === null} ${entry.repeatable} ${entry.intake} ${entry.ahead} ${classOf(entry.outcome)}`;
    const known = recordNumbers.get(key);
    if (known !== undefined) return known;
    records.push(entry);
    recordNumbers.set(key, records.length - 1);
    return records.length - 1;
  }

  function coreOf(state: CommandsState): number {
    const own = state.entries.map(recordOf);
    const key = `${state.link} ${state.clearing} ${own.join(',')}`;
    const known = coreNumbers.get(key);
    if (known !== undefined) return known;
    const byCommand = commands.map(() => 0);
    for (const [index, entry] of state.entries.entries()) byCommand[numberOf(entry.id) - 1] = own[index]!;
    cores.push({ state, records: byCommand });
    coreNumbers.set(key, cores.length - 1);
    return cores.length - 1;
  }

  function candidate(id: number, expired: number): Candidate | null {
    const command = commands[id - 1];
    if (!command) return null;
    const ended = expired ? OUTCOME.expired : command.kind === 'refused' ? OUTCOME.refused : OUTCOME.none;
    const verdict: Candidate['verdict'] =
      ended === OUTCOME.none
        ? { accept: true, repeatable: command.kind === 'repeatable', args: {} }
        : { accept: false, outcome: OUTCOMES[ended]! };
    return { id: nameOf(id), command: nameOf(id), receivedAt: 0, verdict };
  }

  function eventOf(event: Code): CommandsEvent {
    const version = versionOf(event);
    const id = idOf(event) === 0 ? '' : nameOf(idOf(event));
    const other = otherOf(event);
    switch (kindOf(event)) {
      case TO_HUB.linkUp:
        return { type: 'linkUp' };
      case TO_HUB.linkDown:
        return { type: 'linkDown' };
      case TO_HUB.shadowRead: {
        const inProgress = other ? { id: nameOf(other), command: nameOf(other), receivedAt: 0 } : null;
        return { type: 'shadowRead', version, candidate: candidate(idOf(event), isExpired(event)), inProgress };
      }
      case TO_HUB.readFailed:
        return { type: 'readFailed' };
      case TO_HUB.delta:
        return { type: 'delta', version, candidate: candidate(idOf(event), isExpired(event)) };
      case TO_HUB.updated:
        return { type: 'updated', version, cleared: id === '' ? null : id };
      case TO_HUB.clearFailed:
        return { type: 'clearFailed', id, reason: other ? 'conflict' : 'uncertain' };
      case TO_HUB.requested:
        return { type: 'requested', candidate: candidate(idOf(event), 0)! };
      case TO_HUB.executed:
        return { type: 'executed', id, outcome: OUTCOMES[outcomeOf(event)]!, at: 0 };
      case TO_HUB.delivered:
        return { type: 'delivered', id };
      default:
        throw new Error(`no event: ${event}`);
    }
  }

  function effectCode(effect: CommandsEffect): Code {
    if (effect.type === 'refuse') throw new Error('the model never fills the outbox');
    if (effect.type === 'resolve') throw new Error("the model's commands leave no traces");
    const id = effect.type === 'readShadow' ? 0 : numberOf(effect.id);
    return code(EFFECT[effect.type], { id, version: effect.type === 'clear' ? effect.version : 0 });
  }

  function batchOf(step: Step): Batch {
    const { state } = step;
    const effect = machine.next(step);
    let whenDone: Batch | null = null;
    let whenFailed: Batch | null = null;
    return {
      core: coreOf(state),
      view: state.viewVersion,
      reading: state.reading ?? -1,
      effect: effect === null ? 0 : effectCode(effect),
      done(ok) {
        if (ok) whenDone ??= batchOf(machine.done(step, true, 0));
        else whenFailed ??= batchOf(machine.done(step, false, 0));
        return (ok ? whenDone : whenFailed)!;
      },
    };
  }

  const empty = coreOf(restore([]));

  return {
    empty,

    react(core, view, reading, event) {
      // 22 bits of event, 5 of view, 6 of reading; what is left of the 53 bits of a safe integer is enough for a million cores.
      const key = ((core * 32 + view) * 64 + reading + 1) * 2 ** 22 + event;
      const known = reactions.get(key);
      if (known) return known;
      const state = { ...cores[core]!.state, viewVersion: view, reading: reading < 0 ? null : reading };
      const reaction = batchOf(machine.step(state, eventOf(event)));
      reactions.set(key, reaction);
      return reaction;
    },

    boot(journal) {
      const key = journal.join();
      const known = boots.get(key);
      if (known) return known;
      const entries = journal.filter((record) => record > 0).map((record) => records[record]!);
      const reaction = batchOf(machine.recover(restore(entries), 0));
      boots.set(key, reaction);
      return reaction;
    },

    isUp: (core) => cores[core]!.state.link === 'up',
    recordOf: (core, id) => cores[core]!.records[id - 1]!,

    written(record) {
      const entry = records[record]!;
      return entry.repeatable ? record : recordOf({ ...entry, args: null });
    },

    concluded: (record) => recordOf({ ...records[record]!, stage: 'delivered', outcome: null, args: null }),

    entry: (record) => records[record]!,
    outcome: (record) => classOf(records[record]!.outcome),
  };
}
