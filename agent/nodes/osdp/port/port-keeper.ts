import type { MonotonicClock } from '../../../system/clock.ts';
import { sleep } from '../../../system/clock.ts';
import type { OsdpTimings } from '../bus/timings.ts';
import type { PortProblem, SerialConnection, SerialPorts } from './port.ts';

/** A port that is open now. */
export interface OpenPort extends SerialConnection {
  isDown(): boolean;
}

export interface PortHandlers {
  onData(bytes: Buffer): void;
  /** It went away by itself. */
  onDown(problem: PortProblem): void;
  /** It cannot be opened; tried again after a pause. Called after each attempt. */
  onWaiting(problem: PortProblem): void;
}

/** Keeps trying to have a port open: missing, locked or forbidden is a state that may end, not an error. */
export interface PortKeeper {
  /** Resolves with the open port, or null when the signal aborted first. */
  open(baudRate: number, signal: AbortSignal, handlers: PortHandlers): Promise<OpenPort | null>;
}

export interface PortKeeperDeps {
  path: string;
  serialPorts: SerialPorts;
  clock: MonotonicClock;
  timings: OsdpTimings;
}

/** A port that stayed open this long was sound: the next loss begins with the shortest pause again. */
const STABLE_MS = 10_000;

export function createPortKeeper({ path, serialPorts, clock, timings }: PortKeeperDeps): PortKeeper {
  let pauseMs = timings.reopenMinMs;
  let lost = false;

  const pause = async (signal: AbortSignal) => {
    await sleep(clock, pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, timings.reopenMaxMs);
  };

  const openPortOf = (connection: SerialConnection, isDown: () => boolean): OpenPort => ({
    write: (bytes) => connection.write(bytes),
    hold: () => connection.hold(),
    take: () => connection.take(),
    isDown,
    close: () => connection.close(),
  });

  return {
    async open(baudRate, signal, { onData, onDown, onWaiting }) {
      if (lost) await pause(signal);
      while (!signal.aborted) {
        let down = false;
        let openedMs = Number.POSITIVE_INFINITY;
        const onClose = (problem: PortProblem) => {
          down = true;
          lost = true;
          if (clock.nowMs() - openedMs >= STABLE_MS) pauseMs = timings.reopenMinMs;
          onDown(problem);
        };
        const result = await serialPorts.open(path, { baudRate }, { onData, onClose });
        openedMs = clock.nowMs();
        lost = down;
        if (result.ok) {
          if (!signal.aborted) return openPortOf(result.connection, () => down);
          await result.connection.close();
          return null;
        }
        onWaiting(result.problem);
        await pause(signal);
      }
      return null;
    },
  };
}
