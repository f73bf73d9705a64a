import type { Alarm, Alarms } from '../../contract/alarm.ts';
import type { Reported, ShadowView } from '../../contract/shadow.ts';
import type { Cancel, MonotonicClock, WallClock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { type AlarmsEvent, type AlarmsState, alarmsStep, NO_ALARMS, shownAlarms } from './alarm-machine.ts';
import { createAlarmStore } from './alarm-store.ts';
import { covers, readAgain, type TakeoverWindow, takenOver } from './takeover.ts';
import { createTakeoverStore } from './takeover-store.ts';

/** The parts of the reported state that this keeps. */
export type AlarmSections = Pick<Reported, 'alarms' | 'alarmsOmitted' | 'takenOverAt'>;

/** What the hub reports without being asked, and which commands are refused after a takeover. Kept across restarts. */
export interface AlarmCenter extends Alarms {
  /** Reads what was kept, and reports it. Never throws. */
  start(): Promise<void>;
  /** Writes what waits. */
  stop(): Promise<void>;
  /** All that are known, oldest first. */
  list(): readonly Alarm[];
  /** Another client has ended this hub's session with its own. */
  takenOver(): void;
  /** Every view of the shadow, before anything is taken from it. */
  view(view: Pick<ShadowView, 'source' | 'timestampSeconds'>): void;
  /** Whether a command that was written at this time (epoch seconds of the cloud) may be another client's. */
  isSuspect(writtenAt: number): boolean;
}

export interface AlarmCenterDeps {
  files: Files;
  stateDirectory: string;
  /** The end of the certificate in use. */
  expiresAt: Date;
  clock: MonotonicClock;
  wallClock: WallClock;
  log: Log;
  /** `quiet`: not worth a message of its own. */
  report(sections: Partial<AlarmSections>, options: { quiet: boolean }): void;
}

/** How often alarms that are over are looked for. */
const PRUNE_MS = 3_600_000;

export function createAlarmCenter(deps: AlarmCenterDeps): AlarmCenter {
  const { clock, wallClock } = deps;
  const alarmStore = createAlarmStore(deps);
  const takeoverStore = createTakeoverStore(deps);
  const certificate = deps.expiresAt.toISOString();
  let state: AlarmsState = NO_ALARMS;
  let takeover: TakeoverWindow | null = null;
  /** The newest timestamp of the cloud that this process has heard. */
  let heard = 0;
  let cancelPrune: Cancel = () => {};

  function setTakeover(next: TakeoverWindow): void {
    takeover = next;
    takeoverStore.save({ takeover, certificate });
  }

  function report(quiet: boolean): void {
    const shown = shownAlarms(state.list);
    const omitted = state.list.length - shown.length;
    deps.report(
      {
        alarms: shown.length > 0 ? shown : undefined,
        alarmsOmitted: omitted > 0 ? omitted : undefined,
        takenOverAt: takeover?.at,
      } as Partial<AlarmSections>,
      { quiet },
    );
  }

  function dispatch(event: AlarmsEvent): void {
    const step = alarmsStep(state, event, clock.nowMs(), wallClock.nowMs());
    state = step.state;
    if (!step.changed) return;
    alarmStore.save({ alarms: state.list }, step.urgent ? undefined : 'later');
    report(!step.urgent);
  }

  function prune(): void {
    dispatch({ type: 'prune' });
    cancelPrune = clock.schedule(PRUNE_MS, prune);
  }

  return {
    async start() {
      const [kept, lastTakeover] = await Promise.all([alarmStore.load(), takeoverStore.load()]);
      if (kept) {
        // What was raised while it was read is newer.
        const fresh = new Set(state.list.map(({ kind, node }) => `${kind} ${node}`));
        state = { ...state, list: [...kept.alarms.filter(({ kind, node }) => !fresh.has(`${kind} ${node}`)), ...state.list] };
      }
      if (lastTakeover?.certificate === certificate) takeover ??= lastTakeover.takeover;
      report(false);
      prune();
    },

    async stop() {
      cancelPrune();
      await Promise.all([alarmStore.stop(), takeoverStore.stop()]);
    },

    raise: (kind, node) => dispatch({ type: 'raise', kind, node }),
    clear: (kind, node) => dispatch({ type: 'clear', kind, node }),
    list: () => state.list,

    takenOver() {
      setTakeover(takenOver(takeover, heard, wallClock.nowMs()));
      dispatch({ type: 'raise', kind: 'taken_over', node: null });
    },

    view({ source, timestampSeconds }) {
      heard = Math.max(heard, timestampSeconds);
      if (source !== 'read') return;
      const next = readAgain(takeover, timestampSeconds);
      if (next !== null && next !== takeover) setTakeover(next);
    },

    isSuspect: (writtenAt) => covers(takeover, writtenAt),
  };
}
