import { COPY, type Code, code, EFFECT, idOf, kindOf, OUTCOME, STALE, TO_CLOUD, TO_HUB, versionOf } from './codes.ts';
import type { Hub, ModelCommand } from './machine.ts';
import { Broken, bit, copyOf, nameOf, type World } from './world.ts';

/** Gets one world for each way that something goes. */
export type Emit = (world: World) => void;

/** The hub around the machine, as agent/commands/service.ts is: it carries out effects, dies, and starts again. Changes the world it is given. */
export interface Driver {
  /** Hands an event to the machine and carries out what it answers. */
  hand(world: World, event: Code, emit: Emit): void;
  /** A message reaches the hub. */
  receives(world: World, message: Code, emit: Emit): void;
  /** The link is gone, and with it what was under way to the hub. Nobody waits for answers any more. */
  cut(world: World): void;
  /** The process dies now, with and without its journal; the next one starts and has no link yet. */
  dies(world: World, emit: Emit): void;
}

export function createDriver(hub: Hub, commands: readonly ModelCommand[]): Driver {
  function hand(world: World, event: Code, emit: Emit): void {
    const reaction = hub.react(world.core, world.view, world.reading, event);
    world.core = reaction.core;
    world.view = reaction.view;
    world.reading = reaction.reading;
    carryOut(world, reaction.effects, 0, emit);
  }

  /**
   * The hub looks at nothing new before all effects are carried out, and effects only add to what is under way; so whatever the cloud does
   * meanwhile can as well happen afterwards, and carrying out is one step. The process may die before each write: before the first
   * one that is the same as never having heard of the event, and after the last one the same as dying after the step. A run that starts
   * just before the end only adds to what the promise counts.
   */
  function carryOut(world: World, effects: readonly Code[], from: number, emit: Emit): void {
    for (let index = from; index < effects.length; index += 1) {
      const effect = effects[index]!;
      const id = idOf(effect);
      if (kindOf(effect) === EFFECT.persist) {
        if (index > 0) dies(world, emit);
        if (world.luck.fullDisks > 0) persistFails(copyOf(world), effects, index, emit);
        persists(world, id);
      } else if (kindOf(effect) === EFFECT.readShadow) world.toCloud.push(code(TO_CLOUD.read));
      else if (kindOf(effect) === EFFECT.deliver) delivers(world, id);
      else if (kindOf(effect) === EFFECT.execute) executes(world, id);
      else {
        const record = hub.recordOf(world.core, id);
        const outcome = hub.entry(record).stage !== 'seen' ? OUTCOME.none : hub.outcome(record) || OUTCOME.running;
        world.toCloud.push(code(TO_CLOUD.clear, { id, version: versionOf(effect), outcome }));
      }
    }
    emit(world);
  }

  function persists(world: World, id: number): void {
    const record = hub.recordOf(world.core, id);
    if (record === 0) return;
    world.journal[id - 1] = hub.written(record);
    world.owed |= bit(id);
  }

  function persistFails(world: World, effects: readonly Code[], index: number, emit: Emit): void {
    const id = idOf(effects[index]!);
    world.luck.fullDisks -= 1;
    world.tainted ||= 1;
    const record = hub.recordOf(world.core, id);
    const entry = record === 0 ? null : hub.entry(record);
    if (entry?.stage === 'delivered') world.journal[id - 1] = 0;
    if (entry?.stage === 'seen' && entry.outcome === null) {
      world.core = hub.react(world.core, world.view, world.reading, code(TO_HUB.unjournaled, { id })).core;
    }
    const runs = effects.slice(index + 1).some((effect) => kindOf(effect) === EFFECT.execute && idOf(effect) === id);
    if (runs) world.failing |= bit(id);
    const left = runs ? effects.filter((effect) => kindOf(effect) !== EFFECT.execute || idOf(effect) !== id) : effects;
    carryOut(world, left, index + 1, emit);
  }

  function executes(world: World, id: number): void {
    const { kind, intake } = commands[id - 1]!;
    if (kind === 'refused') throw new Broken(`${nameOf(id)} was refused and ran`);
    if (world.answered[id - 1] && !world.tainted) throw new Broken(`${nameOf(id)} ran after its answer`);
    if (kind === 'once' && world.ran & bit(id)) throw new Broken(`${nameOf(id)} ran twice`);
    if (kind === 'repeatable' && world.ranNow & bit(id)) throw new Broken(`${nameOf(id)} ran twice without a crash`);
    if (world.desired === id && intake === 'shadow' && commands[id]?.kind !== 'again') {
      throw new Broken(`${nameOf(id)} ran before its credentials were cleared`);
    }
    if (kind === 'once') world.ran |= bit(id);
    else world.ranNow |= bit(id);
    world.running |= bit(id);
  }

  /** One delivery at a time of each answer; a failed one is tried again while the link stands. */
  function delivers(world: World, id: number): void {
    const record = hub.recordOf(world.core, id);
    if (record === 0 || hub.entry(record).stage !== 'finished') return;
    const kind = hub.entry(record).intake === 'shadow' ? TO_CLOUD.report : TO_CLOUD.respond;
    const underWay = world.toCloud.some((message) => kindOf(message) === kind && idOf(message) === id && !(message & STALE));
    const answered = world.toHub.some(
      (message) => idOf(message) === id && (kindOf(message) === TO_HUB.reported || kindOf(message) === TO_HUB.reportFailed),
    );
    if (!underWay && !answered) world.toCloud.push(code(kind, { id, outcome: hub.outcome(record) }));
  }

  function cut(world: World): void {
    world.toHub = world.toHub.filter((message) => message & COPY);
    world.toCloud = world.toCloud.filter((message) => kindOf(message) !== TO_CLOUD.read).map((message) => message | STALE);
  }

  function dies(world: World, emit: Emit): void {
    for (const kind of ['crashes', 'lostJournals'] as const) {
      if (world.luck[kind] === 0) continue;
      const next = copyOf(world);
      next.luck[kind] -= 1;
      if (kind === 'lostJournals') {
        next.journal.fill(0);
        next.owed = 0;
        next.tainted = 2;
      }
      cut(next);
      next.running = 0;
      next.failing = 0;
      next.ranNow = 0;
      const boot = hub.boot(next.journal);
      next.core = boot.core;
      next.view = boot.view;
      next.reading = boot.reading;
      carryOut(next, boot.effects, 0, emit);
    }
  }

  /**
   * Of an accepted update the driver hears twice, first that the version has moved, then what the update was
   * for; nothing from the cloud comes between, and the end of a run, which might, has nothing to do with versions.
   */
  function receives(world: World, message: Code, emit: Emit): void {
    const id = idOf(message);
    const version = versionOf(message);
    const event = message & ~COPY;
    switch (kindOf(message)) {
      case TO_HUB.updated:
        if (id > 0) hears(world, version);
        hand(world, event, emit);
        break;
      case TO_HUB.reported:
        if (version > 0) hears(world, version);
        hand(world, code(TO_HUB.delivered, { id }), emit);
        break;
      case TO_HUB.reportFailed:
        delivers(world, id);
        emit(world);
        break;
      default:
        hand(world, event, emit);
    }
  }

  function hears(world: World, version: number): void {
    hand(world, code(TO_HUB.updated, { version }), () => {});
  }

  return { hand, receives, cut, dies };
}
