import { type Code, code, idOf, kindOf, OUTCOME, outcomeOf, STALE, TO_CLOUD, TO_HUB, versionOf } from './codes.ts';
import type { Hub, ModelCommand } from './machine.ts';
import { Broken, bit, nameOf, type World } from './world.ts';

/** The Shadow service, AWS IoT Commands, and whoever sends commands. Changes the world it is given. */
export interface Cloud {
  /** Does what a request asks; the answer is on its way unless nobody waits for it. */
  takes(world: World, message: Code, answerLost: boolean): void;
  /** What the hub makes of a request that got no answer in time. */
  failure(message: Code): Code;
  /** Sends the next command. */
  sends(world: World): void;
  /** The hub has reported something else: the version moves, and what stands in `desired` is published again. */
  reportsOther(world: World): void;
}

export function createCloud(hub: Hub, commands: readonly ModelCommand[]): Cloud {
  function pushDelta(world: World): void {
    if (world.desired === 0 || !hub.isUp(world.core)) return;
    world.toHub.push(code(TO_HUB.delta, { version: world.version, id: world.desired, expired: world.expired }));
  }

  function notes(world: World, id: number, outcome: number): void {
    if (outcome === OUTCOME.running) return;
    const before = world.answered[id - 1]!;
    if (before && before !== outcome && !world.tainted) throw new Broken(`${nameOf(id)} got two different answers`);
    world.answered[id - 1] = outcome;
  }

  function reported(world: World, id: number, outcome: number): void {
    world.last = id;
    world.lastClass = outcome;
    notes(world, id, outcome);
  }

  function takes(world: World, message: Code, answerLost: boolean): void {
    const id = idOf(message);
    const outcome = outcomeOf(message);
    const answer = (to: Code) => {
      if (message & STALE) return;
      world.toHub.push(answerLost ? failure(message) : to);
    };
    const { version, desired, expired } = world;
    if (kindOf(message) === TO_CLOUD.read) {
      const other = world.lastClass === OUTCOME.running ? world.last : 0;
      answer(code(TO_HUB.shadowRead, { version, id: desired, expired, other }));
    } else if (kindOf(message) === TO_CLOUD.respond) {
      notes(world, id, outcome);
      answer(code(TO_HUB.reported, { id }));
    } else if (kindOf(message) === TO_CLOUD.report) {
      world.version += 1;
      reported(world, id, outcome);
      answer(code(TO_HUB.reported, { id, version: world.version }));
      pushDelta(world);
    } else if (versionOf(message) !== version) {
      answer(code(TO_HUB.clearFailed, { id, other: 1 }));
    } else {
      if (desired !== 0 && desired !== id) throw new Broken(`${nameOf(desired)} was cleared in place of ${nameOf(id)}`);
      // With its journal gone and nobody waiting, only `lastCommand` knew of it, which the next report overwrites.
      const forgotten = world.tainted === 2 && (message & STALE) !== 0;
      if (desired !== 0 && !forgotten) world.owed |= bit(desired);
      world.desired = 0;
      world.expired = 0;
      world.version += 1;
      if (outcome) reported(world, id, outcome);
      answer(code(TO_HUB.updated, { id, version: world.version }));
    }
  }

  function failure(message: Code): Code {
    const id = idOf(message);
    if (kindOf(message) === TO_CLOUD.read) return code(TO_HUB.readFailed);
    return kindOf(message) === TO_CLOUD.clear ? code(TO_HUB.clearFailed, { id }) : code(TO_HUB.reportFailed, { id });
  }

  function sends(world: World): void {
    world.sent += 1;
    const id = commands[world.sent - 1]!.kind === 'again' ? world.sent - 1 : world.sent;
    if (commands[id - 1]!.intake === 'executions') {
      if (hub.isUp(world.core)) world.toHub.push(code(TO_HUB.requested, { id }));
      return;
    }
    world.desired = id;
    world.expired = 0;
    world.version += 1;
    pushDelta(world);
  }

  function reportsOther(world: World): void {
    world.version += 1;
    world.toHub.push(code(TO_HUB.updated, { version: world.version }));
    pushDelta(world);
  }

  return { takes, failure, sends, reportsOther };
}
