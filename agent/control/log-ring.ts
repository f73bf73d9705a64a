/** The last log lines in memory, for a person who logs in: also when the journal is volatile or gone. */
export interface LogRing {
  /** Takes what the logger writes: one or more whole lines. Never throws. */
  write(text: string): void;
  /** The last lines, oldest first. */
  last(count: number): string[];
  /** Called with each new line. Null when too many listen already. Returns the unsubscriber. */
  follow(listener: (line: string) => void): (() => void) | null;
}

/** About an hour of a busy hub, a day of a quiet one. */
export const MAX_RING_LINES = 2_000;
/** Long lines (stacks) count by their size: the ring must stay small beside the agent's 100 MB. */
export const MAX_RING_CHARACTERS = 1_000_000;
/** Longer lines are cut: one event is never worth more. */
export const MAX_LINE_CHARACTERS = 8_192;
/** Terminals that watch at once. */
export const MAX_FOLLOWERS = 4;

export function createLogRing(): LogRing {
  const followers = new Set<(line: string) => void>();
  /** A queue with a moving head: a shift of a long array for each line would cost more than the line. */
  let lines: string[] = [];
  let head = 0;
  let characters = 0;

  function push(line: string): void {
    const kept = line.length > MAX_LINE_CHARACTERS ? cut(line) : line;
    lines.push(kept);
    characters += kept.length;
    while (lines.length - head > MAX_RING_LINES || characters > MAX_RING_CHARACTERS) {
      characters -= lines[head]!.length;
      lines[head] = '';
      head += 1;
    }
    if (head > MAX_RING_LINES) {
      lines = lines.slice(head);
      head = 0;
    }
    for (const listener of followers) listener(kept);
  }

  return {
    write(text) {
      for (const line of text.split('\n')) if (line !== '') push(line);
    },
    last: (count) => lines.slice(Math.max(head, lines.length - Math.max(0, count))),
    follow(listener) {
      if (followers.size >= MAX_FOLLOWERS) return null;
      followers.add(listener);
      return () => void followers.delete(listener);
    },
  };
}

/** A cut JSON line is no JSON any more: the beginning is kept as a line of its own. */
function cut(line: string): string {
  return JSON.stringify({ level: 'warn', event: 'log_line_cut', msg: line.slice(0, MAX_LINE_CHARACTERS / 2) });
}
