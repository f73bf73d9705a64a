import { COPY, type Code, code, EFFECT, idOf, kindOf, OUTCOME, STALE, TO_CLOUD, TO_HUB, versionOf } from './codes.ts';
import type { Batch, Hub, ModelCommand } from './machine.ts';
import { Broken, bit, copyOf, nameOf, type World } from './world.ts';

const WRITES: ReadonlySet<number> = new Set([EFFECT.persist, EFFECT.conclude, EFFECT.forget]);

/** Gets one world for each way that something goes. */
export type Emit = (world: World) => void;

/**
 * A hub's process. What happens in which order is the agent's own code (lifecycle.ts, batch.ts); modelled are what its effects reach: the
 * disk, the network, the runs of commands. Changes the world it is given.
 */
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
    const batch = hub.react(world.core, world.view, world.reading, event);
    carryOut(world, batch, { begun: false, settles: kindOf(event) === TO_HUB.delivered ? idOf(event) : 0 }, emit);
  }

  /**
   * The hub looks at nothing new before all effects are carried out, and effects only add to what is under way; so whatever the cloud does
   * meanwhile can as well happen afterwards, and carrying out is one step. The process may die before each write: before the first
   * effect that is the same as never having heard of the event, and after the last one the same as dying after the step. A run that starts
   * just before the end only adds to what the promise counts.
   * `begun`: some effect of the event was carried out before. `settles`: the command whose acknowledgement the event is, or 0.
   */
  function carryOut(world: World, batch: Batch, { begun, settles }: { begun: boolean; settles: number }, emit: Emit): void {
    let left = batch;
    for (; left.effect; left = left.done(true)) {
      place(world, left);
      const writes = WRITES.has(kindOf(left.effect));
      if (writes && begun) dies(world, emit);
      if (kindOf(left.effect) === EFFECT.persist && world.luck.fullDisks > 0) {
        const other = copyOf(world);
        other.luck.fullDisks -= 1;
        other.tainted ||= 1;
        carryOut(other, left.done(false), { begun: true, settles }, emit);
      }
      perform(world, left.effect);
      begun = true;
    }
    place(world, left);
    if (settles && world.journal[settles - 1]) world.settled |= bit(settles);
    emit(world);
  }

  function place(world: World, { core, view, reading }: Batch): void {
    world.core = core;
    world.view = view;
    world.reading = reading;
  }

  function perform(world: World, effect: Code): void {
    const id = idOf(effect);
    const record = id === 0 ? 0 : hub.recordOf(world.core, id);
    switch (kindOf(effect)) {
      case EFFECT.persist:
        if (record === 0) return;
        world.journal[id - 1] = hub.written(record);
        world.owed |= bit(id);
        return;
      case EFFECT.conclude:
        if (world.journal[id - 1]) world.journal[id - 1] = hub.concluded(world.journal[id - 1]!);
        return;
      case EFFECT.forget:
        world.journal[id - 1] = 0;
        return;
      case EFFECT.readShadow:
        world.toCloud.push(code(TO_CLOUD.read));
        return;
      case EFFECT.deliver:
        delivers(world, id);
        return;
      case EFFECT.execute:
        executes(world, id);
        return;
      default: {
        const outcome = hub.entry(record).stage !== 'seen' ? OUTCOME.none : hub.outcome(record) || OUTCOME.running;
        world.toCloud.push(code(TO_CLOUD.clear, { id, version: versionOf(effect), outcome }));
      }
    }
  }

  function executes(world: World, id: number): void {
    const { kind, intake } = commands[id - 1]!;
    if (world.settled & bit(id) && world.tainted < 2) throw new Broken(`${nameOf(id)} ran after its answer was acknowledged`);
    if (kind === 'refused') throw new Broken(`${nameOf(id)} was refused and ran`);
    if (world.answered[id - 1] && !world.tainted) throw new Broken(`${nameOf(id)} ran after its answer`);
    if (kind === 'once' && world.ran & bit(id)) throw new Broken(`${nameOf(id)} ran twice`);
    if (kind === 'repeatable' && world.ranNow & bit(id)) throw new Broken(`${nameOf(id)} ran twice without a crash`);
    // What only reads has no credentials, and runs while it stands when it could not be journaled.
    if (world.desired === id && intake === 'shadow' && commands[id]?.kind !== 'again' && !hub.entry(hub.recordOf(world.core, id)).ahead) {
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
    if (underWay || answered) return;
    if (world.settled & bit(id) && world.tainted < 2) throw new Broken(`${nameOf(id)} is answered again after that was acknowledged`);
    world.toCloud.push(code(kind, { id, outcome: hub.outcome(record) }));
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
        next.settled = 0;
        next.tainted = 2;
      }
      cut(next);
      next.running = 0;
      next.ranNow = 0;
      carryOut(next, hub.boot(next.journal), { begun: false, settles: 0 }, emit);
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
