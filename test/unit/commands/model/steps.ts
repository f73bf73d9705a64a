import type { WalkStep } from '../../../support/walk.ts';
import { createCloud } from './cloud.ts';
import { COPY, code, describe, kindOf, OUTCOME, STALE, TO_CLOUD, TO_HUB } from './codes.ts';
import { createDriver, type Emit } from './driver.ts';
import type { Hub, ModelCommand } from './machine.ts';
import { Broken, bit, canonical, copyOf, nameOf, type World } from './world.ts';

/** One thing that can happen next. */
export type Step = WalkStep<World>;

/** Every single thing that can happen next in a world; `merge` makes one of worlds that behave alike. @throws Broken when a step breaks a promise. */
export function createSteps(
  hub: Hub,
  commands: readonly ModelCommand[],
  merge = (world: World) => canonical(hub, world),
): (world: World) => Step[] {
  const { hand, receives, cut, dies } = createDriver(hub, commands);
  const { takes, failure, sends, reportsOther } = createCloud(hub, commands);
  const ids = commands.map((_, index) => index + 1);

  return (now) => {
    const steps: Step[] = [];
    const branch = (what: () => string, certain: boolean, change: (world: World, emit: Emit) => void) => {
      change(copyOf(now), (world) => steps.push({ world: merge(world), certain, what }));
    };
    /** For what only changes the world and has one way to go. */
    const simply = (what: () => string, certain: boolean, change: (world: World) => void) =>
      branch(what, certain, (world, emit) => {
        change(world);
        emit(world);
      });
    const { luck } = now;
    const up = hub.isUp(now.core);

    if (!up)
      branch(
        () => 'the link comes up',
        true,
        (world, emit) => hand(world, code(TO_HUB.linkUp), emit),
      );
    let before = -1;
    for (const [index, message] of up ? now.toHub.entries() : []) {
      if (message === before) continue;
      before = message;
      const words = () => describe(TO_HUB, message);
      branch(
        () => `the hub receives ${words()}`,
        true,
        (world, emit) => {
          world.toHub.splice(index, 1);
          receives(world, message, emit);
        },
      );
      const repeats = kindOf(message) === TO_HUB.delta || kindOf(message) === TO_HUB.requested;
      if (luck.faults === 0 || !repeats || message & COPY) continue;
      simply(
        () => `${words()} is repeated`,
        false,
        (world) => {
          world.luck.faults -= 1;
          world.toHub.push(message | COPY);
        },
      );
      if (kindOf(message) === TO_HUB.requested) continue;
      simply(
        () => `${words()} is lost`,
        false,
        (world) => {
          world.luck.faults -= 1;
          world.toHub.splice(index, 1);
        },
      );
    }
    for (const id of ids) {
      if (!(now.running & bit(id))) continue;
      branch(
        () => `${nameOf(id)} ends`,
        true,
        (world, emit) => {
          world.running &= ~bit(id);
          hand(world, code(TO_HUB.executed, { id, outcome: OUTCOME.done }), emit);
        },
      );
    }
    before = -1;
    for (const [index, message] of now.toCloud.entries()) {
      if (message === before) continue;
      before = message;
      const stale = (message & STALE) !== 0;
      const words = () => describe(TO_CLOUD, message);
      simply(
        () => `the cloud takes ${words()}`,
        !stale,
        (world) => {
          world.toCloud.splice(index, 1);
          takes(world, message, false);
        },
      );
      if (luck.faults === 0 || stale) continue;
      simply(
        () => `the cloud takes ${words()}, the answer is lost`,
        false,
        (world) => {
          world.luck.faults -= 1;
          world.toCloud.splice(index, 1);
          takes(world, message, true);
        },
      );
      simply(
        () => `${words()} is late, the hub waits no longer`,
        false,
        (world) => {
          world.luck.faults -= 1;
          world.toHub.push(failure(message));
          if (kindOf(message) === TO_CLOUD.read) world.toCloud.splice(index, 1);
          else world.toCloud[index] = message | STALE;
        },
      );
    }
    if (now.sent < commands.length) simply(() => `the cloud sends ${nameOf(now.sent + 1)}`, false, sends);
    if (luck.faults > 0 && up) {
      simply(
        () => 'the hub reports something else',
        false,
        (world) => {
          world.luck.faults -= 1;
          reportsOther(world);
        },
      );
    }
    if (luck.faults > 0 && now.desired !== 0 && !now.expired) {
      simply(
        () => `${nameOf(now.desired)} expires`,
        false,
        (world) => {
          world.luck.faults -= 1;
          world.expired = 1;
        },
      );
    }
    if (luck.reconnects > 0 && up) {
      branch(
        () => 'the link falls',
        false,
        (world, emit) => {
          world.luck.reconnects -= 1;
          cut(world);
          hand(world, code(TO_HUB.linkDown), emit);
        },
      );
    }
    branch(
      () => 'the process dies',
      false,
      (world, emit) => dies(world, emit),
    );
    // A lost delta comes again with the next accepted update, at the latest with the hub's own heartbeat.
    if (now.desired !== 0 && !steps.some(({ certain }) => certain)) simply(() => 'heartbeat', true, reportsOther);
    return steps;
  };
}

/** What must hold when nothing is certain to happen any more. @throws Broken */
export function checkRest(world: World, hub: Hub): void {
  if (world.desired !== 0) throw new Broken(`${nameOf(world.desired)} stands in desired for ever`);
  for (let id = 1; id <= world.journal.length; id += 1) {
    if (world.owed & bit(id) && !world.answered[id - 1]) throw new Broken(`${nameOf(id)} is never answered`);
    const record = hub.recordOf(world.core, id);
    if (world.journal[id - 1] && record === 0) throw new Broken(`the record of ${nameOf(id)} stays on disk for ever`);
    if (record !== 0 && hub.entry(record).stage !== 'delivered') throw new Broken(`${nameOf(id)} is never settled`);
  }
  if (world.lastClass === OUTCOME.running) throw new Broken(`the shadow shows ${nameOf(world.last)} as running for ever`);
}
