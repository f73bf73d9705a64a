import { applyEvent } from './model/apply.ts';
import type { EventBody, HarnessEvent } from './model/events.ts';
import { emptyState, type ViewState } from './model/state.ts';

/** Most that a recording keeps: an hour and more of a hub at rest. What is older is folded into the state that it begins with. */
const MAX_EVENTS = 20_000;
const MAX_CHARACTERS = 8_000_000;

/** An event as it is sent and saved: one line of JSON. */
export type EventLine = string;

/** What a page needs to show the run: the state before the first line, and the lines since. */
export interface Recorded {
  base: ViewState;
  lines: readonly EventLine[];
}

/** Keeps what happened, within bounds, and hands on what happens. */
export interface Recorder {
  /** `at`: when it happened, epoch milliseconds; default: now. */
  record(body: EventBody, at?: number): void;
  /** All of it, and from then on every line, without a gap. Returns the unsubscriber. */
  follow(onLine: (line: EventLine) => void): { recorded: Recorded; end(): void };
  recorded(): Recorded;
}

export interface RecorderDeps {
  /** Epoch milliseconds. */
  nowMs(): number;
  maxEvents?: number;
  maxCharacters?: number;
}

export function createRecorder({ nowMs, maxEvents = MAX_EVENTS, maxCharacters = MAX_CHARACTERS }: RecorderDeps): Recorder {
  const base = emptyState();
  const followers = new Set<(line: EventLine) => void>();
  let lines: EventLine[] = [];
  let characters = 0;

  /** In steps of a tenth, so that an event stays cheap. */
  function fold(): void {
    let folded = 0;
    while (folded < lines.length && (lines.length - folded > maxEvents * 0.9 || characters > maxCharacters * 0.9)) {
      const line = lines[folded]!;
      applyEvent(base, JSON.parse(line) as HarnessEvent);
      characters -= line.length;
      folded += 1;
    }
    lines = lines.slice(folded);
  }

  const recorded = (): Recorded => ({ base: structuredClone(base), lines: [...lines] });

  return {
    record(body, at = nowMs()) {
      const line = JSON.stringify({ at: Math.round(at * 10) / 10, ...body });
      lines.push(line);
      characters += line.length;
      if (lines.length > maxEvents || characters > maxCharacters) fold();
      for (const follower of [...followers]) follower(line);
    },
    follow(onLine) {
      followers.add(onLine);
      return { recorded: recorded(), end: () => void followers.delete(onLine) };
    },
    recorded,
  };
}
