import type { LastCommand, ShadowView } from '../contract/shadow.ts';
import type { Topics } from '../contract/topics.ts';
import type { MonotonicClock, WallClock } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import { isHubError, messageOf } from '../system/errors.ts';
import type { Log } from '../system/log.ts';
import type { CommandsCloud } from './cloud-port.ts';
import { type CloudSession, createCloudSession } from './cloud-session.ts';
import { createDeliveries } from './delivery/deliveries.ts';
import { lastCommandOf } from './delivery/delivery.ts';
import type { Executor } from './executor.ts';
import type { Catalog } from './handlers/handler.ts';
import { candidateOf, inProgressOf, requestCandidate } from './intake/intake.ts';
import { done, next } from './lifecycle/batch.ts';
import type { Entry } from './lifecycle/entry.ts';
import type { Journal } from './lifecycle/journal.ts';
import { isSafeId } from './lifecycle/journal-entry.ts';
import { recover, restore, step } from './lifecycle/lifecycle.ts';
import type { CommandsEffect, CommandsEvent, Step } from './lifecycle/machine.ts';
import { createRetryPause } from './retry.ts';
import { createSerialQueue } from './serial-queue.ts';

/** The commands of the hub: takes them, runs them, answers them. Drives the lifecycle machine. */
export interface CommandService {
  /** Loads the journal and runs again or answers what the last process left behind. */
  start(): Promise<void>;
  /** Lets nothing new in, ends what runs, delivers what the link still takes; all within a bound. */
  stop(): Promise<void>;
  /** The MQTT session is up and the subscriptions stand. */
  linkUp(): void;
  linkDown(): void;
  delta(view: ShadowView): void;
  /** An update of the hub's own was accepted with this version. */
  shadowUpdated(version: number): void;
  /** A request of AWS IoT Commands, as it came from the wire. */
  request(id: string, payload: Buffer): void;
  /** The journal's entries, oldest first. */
  entries(): readonly Entry[];
  /** False when one event, its write to the journal included, has been in hand for longer than any disk takes. */
  isProgressing(): boolean;
  /** Resolves when no command waits, runs or is undelivered. */
  idle(): Promise<void>;
}

export interface CommandServiceDeps {
  cloud: CommandsCloud;
  journal: Journal;
  executor: Executor;
  catalog: Catalog;
  topics: Topics;
  /** Take commands from the shadow; else it is read only for answers that it still waits for. */
  shadowIntake: boolean;
  ttlSeconds: number;
  /** Whether a shadow command that was written at this time (epoch seconds of the cloud) may be another client's. */
  isSuspect?(writtenAt: number): boolean;
  wallClock: WallClock;
  clock: MonotonicClock;
  entropy: Entropy;
  log: Log;
}

/** A result may be large: it follows with its pages, and the clear must not fail for it. */
function withoutResult({ result: _, ...last }: LastCommand): LastCommand {
  return last;
}

export function createCommandService(deps: CommandServiceDeps): CommandService {
  const { cloud, journal, executor, catalog, topics, shadowIntake, ttlSeconds, wallClock, clock, entropy, log } = deps;
  /** The state, and what is still to be carried out of the event in hand. */
  let batch: Step = { state: restore([]), effects: [] };
  let key: Buffer = Buffer.alloc(0);
  const stopping = new AbortController();
  let link = createCloudSession();
  let idleWaiters: (() => void)[] = [];
  /** Events are handled one after the other: an event's persist barrier ends before the next event is looked at. */
  const queue = createSerialQueue({ clock, log });

  const pause = createRetryPause({ clock, entropy });
  const entryOf = (id: string) => batch.state.entries.find((entry) => entry.id === id);
  const deliveries = createDeliveries({
    cloud,
    topics,
    pause,
    clock,
    log,
    entryOf,
    onDelivered: (id) => dispatch({ type: 'delivered', id }),
  });

  function dispatch(event: CommandsEvent): void {
    // An event that waits in the queue acts on the link of its own time, never on a later one.
    const on = link;
    queue.add(async () => {
      batch = step(batch.state, event);
      await carryOut(on);
      settleIdle();
    });
  }

  async function carryOut(on: CloudSession): Promise<void> {
    for (let effect = next(batch); effect; effect = next(batch)) {
      const failure = await perform(effect, on);
      batch = done(batch, failure === null, wallClock.nowMs(), failure);
    }
  }

  /** Only writes to the journal are waited for. Why a record could not be written; null: all is well. */
  async function perform(effect: CommandsEffect, on: CloudSession): Promise<string | null> {
    switch (effect.type) {
      case 'persist':
        return persist(effect.id);
      case 'conclude':
        return journal.conclude(effect.id).then(() => null);
      case 'forget':
        return journal.remove(effect.id).then(() => null);
      case 'readShadow':
        void read(effect.retry, on);
        return null;
      case 'clear':
        void clear(effect.id, effect.version, on);
        return null;
      case 'execute':
        void execute(effect.id);
        return null;
      case 'resolve':
        void resolve(effect.id);
        return null;
      case 'deliver':
        void deliveries.deliver(effect.id, on);
        return null;
      case 'refuse':
        void deliveries.refuse(effect.entry);
        return null;
    }
  }

  async function persist(id: string): Promise<string | null> {
    const entry = entryOf(id);
    if (!entry) return null;
    try {
      await journal.write(entry);
      return null;
    } catch (error) {
      log.error({ event: 'journal_write_failed', id, stage: entry.stage, reason: messageOf(error) }, 'the journal cannot be written');
      return messageOf(error);
    }
  }

  const candidateIn = (view: ShadowView) =>
    shadowIntake
      ? candidateOf(view, { key, receivedAt: wallClock.nowMs(), ttlSeconds, catalog, ...(deps.isSuspect && { isSuspect: deps.isSuspect }) })
      : null;

  async function read(retry: boolean, on: CloudSession): Promise<void> {
    const { signal } = on.ended;
    if (retry) await pause(Math.max(0, on.failedReads - 1), signal);
    if (signal.aborted || stopping.signal.aborted) return;
    try {
      const view = await cloud.readShadow();
      if (signal.aborted) return;
      on.failedReads = 0;
      const candidate = candidateIn(view);
      dispatch({ type: 'shadowRead', version: view.version, candidate, inProgress: inProgressOf(view) });
    } catch (error) {
      if (signal.aborted) return;
      on.failedReads += 1;
      log.warn({ event: 'shadow_read_failed', reason: messageOf(error) }, 'shadow read failed');
      dispatch({ type: 'readFailed' });
    }
  }

  async function clear(id: string, version: number, on: CloudSession): Promise<void> {
    const { signal } = on.ended;
    const entry = entryOf(id);
    if (!entry || signal.aborted) return;
    try {
      const accepted = await cloud.clearCommand(version, entry.stage === 'seen' ? withoutResult(lastCommandOf(entry, topics)) : null);
      log.info({ event: 'command_taken', id, command: entry.command, version: accepted }, 'command taken from the shadow');
      if (!signal.aborted) dispatch({ type: 'updated', version: accepted, cleared: id });
    } catch (error) {
      const reason = isHubError(error, 'shadow_conflict') ? 'conflict' : 'uncertain';
      log.info({ event: 'command_clear_failed', id, reason, error: messageOf(error) }, 'the shadow has changed or did not answer');
      if (!signal.aborted) dispatch({ type: 'clearFailed', id, reason });
    }
  }

  async function execute(id: string): Promise<void> {
    const entry = entryOf(id);
    if (!entry) return;
    // A repeatable command's args are in the journal; without them (a damaged entry) its own parser gives the defaults.
    const outcome = await executor.execute(id, entry.command, entry.args ?? {});
    // A read-only command that was ended by our own stop is run again by the next process, which then answers it.
    if (stopping.signal.aborted && entry.repeatable && outcome.status === 'FAILED' && outcome.error.code === 'interrupted') return;
    dispatch({ type: 'executed', id, outcome, at: wallClock.nowMs() });
  }

  async function resolve(id: string): Promise<void> {
    const entry = entryOf(id);
    if (!entry) return;
    const outcome = await executor.resolve(id, entry.command);
    // Our own stop ended the question: the next process asks again.
    if (!stopping.signal.aborted) dispatch({ type: 'executed', id, outcome, at: wallClock.nowMs() });
  }

  function settleIdle(): void {
    if (batch.state.entries.some((entry) => entry.stage !== 'delivered')) return;
    for (const resolve of idleWaiters) resolve();
    idleWaiters = [];
  }

  return {
    async start() {
      try {
        key = await journal.idKey();
      } catch (error) {
        // Ids then change with a restart; the shadow's view still rules out a second run.
        log.error({ event: 'command_id_key_unstored', reason: messageOf(error) }, 'the key for command ids cannot be stored');
        key = entropy.bytes(32);
      }
      const entries = await journal.load();
      batch = recover(restore(entries), wallClock.nowMs(), (command) => catalog.get(command)?.afterCut !== undefined);
      const count = batch.effects.length;
      if (count > 0) log.warn({ event: 'commands_recovered', count }, 'commands of the last run');
      queue.add(() => carryOut(link));
      await queue.done();
    },

    async stop() {
      stopping.abort();
      await executor.stop();
      await queue.done();
      await deliveries.drained(link, queue.done);
      link.ended.abort();
      await queue.done();
    },

    linkUp() {
      link.ended.abort();
      link = createCloudSession();
      dispatch({ type: 'linkUp' });
    },

    linkDown() {
      link.ended.abort();
      dispatch({ type: 'linkDown' });
    },

    delta(view) {
      // What stands in the shadow is taken by the next process.
      if (stopping.signal.aborted) return;
      dispatch({ type: 'delta', version: view.version, candidate: candidateIn(view) });
    },

    shadowUpdated: (version) => dispatch({ type: 'updated', version, cleared: null }),

    request(id, payload) {
      if (!isSafeId(id)) {
        log.warn({ event: 'command_id_refused', id: id.slice(0, 64) }, 'a command execution has an id that cannot be journaled');
        return;
      }
      const candidate = requestCandidate(payload, { id, receivedAt: wallClock.nowMs(), ageSeconds: null, ttlSeconds, catalog });
      dispatch({ type: 'requested', candidate });
    },

    entries: () => batch.state.entries,
    isProgressing: queue.isProgressing,

    idle() {
      return new Promise((resolve) => {
        idleWaiters.push(resolve);
        dispatch({ type: 'updated', version: -1, cleared: null });
      });
    },
  };
}
