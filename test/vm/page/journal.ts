import { open } from 'node:fs/promises';
import type { Masker } from '../../../scripts/demo/page/mask.ts';
import type { EventBody } from '../../../scripts/demo/page/model/events.ts';
import { lineEvent } from '../../../scripts/demo/page/taps/agent.ts';

/** How often the host's copy of the journal is read, and how much of it at once. */
const READ_MS = 200;
const READ_BYTES = 256 * 1024;
/** A line of the agent is far shorter. */
const MAX_LINE = 64 * 1024;

/** `[  12.345678] NAME[PID]: TEXT`, as journald forwards to a console. */
const LINE = /^\[ *\d+\.\d+\] ([\w.-]+)\[(\d+)\]: (.*?)\r?$/;
const UNIT_ENDED = /^hub-agent\.service: (?:Main process exited, code=\w+, status=(\S+)|Killing process .* with signal (SIG\w+))/;

export interface JournalTapDeps {
  mask: Masker;
  emit(body: EventBody): void;
}

/** What the journal says of the agent: its log, and that its process began and ended. */
export interface JournalReader {
  line(text: string): void;
  /** The machine has no power: what ran in it is gone. */
  powerLost(): void;
  /** The agent's process; null: none runs. */
  readonly pid: number | null;
}

export function createJournalReader({ mask, emit }: JournalTapDeps): JournalReader {
  let pid: number | null = null;

  function ended(code: string): void {
    if (pid !== null) emit({ kind: 'agent', state: 'ended', pid, code });
    pid = null;
  }

  function said(by: number, text: string): void {
    if (by !== pid) {
      ended('unknown');
      pid = by;
      emit({ kind: 'agent', state: 'started', pid });
    }
    try {
      const line = JSON.parse(text);
      if (typeof line === 'object' && line !== null) emit(lineEvent(line, mask));
    } catch {
      emit(lineEvent({ level: 'warn', event: 'output', msg: text }, mask));
    }
  }

  return {
    line(text) {
      const [, name, number, rest = ''] = LINE.exec(text) ?? [];
      if (name === 'hub-agent') said(Number(number), rest);
      const end = name === 'systemd' ? UNIT_ENDED.exec(rest) : null;
      if (end) ended(end[1] ?? end[2] ?? 'unknown');
    },
    powerLost: () => ended('no power'),
    get pid() {
      return pid;
    },
  };
}

/** Reads the journal that the guest writes to a file of the host, from its beginning on. Returns how it ends. */
export function followJournal(path: string, reader: Pick<JournalReader, 'line'>): () => void {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let position = 0;
  let rest = '';

  async function read(): Promise<void> {
    await using file = await open(path);
    const buffer = Buffer.alloc(READ_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
      if (bytesRead === 0 || ended) return;
      position += bytesRead;
      // A character is never cut where it matters: lines end with a byte of their own.
      const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      rest = lines.pop()!.slice(0, MAX_LINE);
      for (const line of lines) reader.line(Buffer.from(line, 'latin1').toString('utf8'));
    }
  }

  function round(): void {
    read()
      .catch(() => {})
      .finally(() => {
        if (!ended) timer = setTimeout(round, READ_MS);
      });
  }
  round();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
