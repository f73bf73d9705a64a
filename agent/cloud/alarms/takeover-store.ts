import { join } from 'node:path';
import * as z from 'zod';
import { TAKEOVER_FILE } from '../../state/layout.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { INTERPRETED } from '../../system/parse-options.ts';
import { parseSealed } from '../../system/seal.ts';
import { createKeptFile, type KeptFile, type Urgency } from './kept-file.ts';
import type { TakeoverWindow } from './takeover.ts';

/** A takeover as it is kept across restarts and factory resets. */
export interface KeptTakeover {
  takeover: TakeoverWindow;
  /** The end of the certificate that was in use: a takeover says nothing of another one. ISO 8601. */
  certificate: string;
}

const time = z.number().int().nonnegative();
const schema = z.object({
  version: z.literal(1),
  takeover: z.object({ from: time, until: time.nullable(), at: time }),
  certificate: z.string().max(64),
});

function parse(data: Buffer): KeptTakeover {
  const parsed = schema.safeParse(parseSealed(data), INTERPRETED);
  if (!parsed.success) throw new Error('no takeover of this format');
  const { takeover, certificate } = parsed.data;
  return { takeover, certificate };
}

const isOpen = (kept: KeptTakeover | null) => kept !== null && kept.takeover.until === null;

/** Whether the window on disk is open and holds every moment of this one. */
const holds = (disk: KeptTakeover | null, { takeover, certificate }: KeptTakeover) =>
  disk !== null && isOpen(disk) && disk.certificate === certificate && disk.takeover.from <= takeover.from;

/**
 * A takeover that the disk does not know does not wait, because after a power cut the other client's commands would be obeyed. Its end is written at
 * once, but not twice in the interval: without it the window on disk is only too long.
 */
function urgency(disk: KeptTakeover | null, kept: KeptTakeover): Urgency {
  if (isOpen(kept)) return holds(disk, kept) ? 'later' : 'now';
  return isOpen(disk) ? 'soon' : 'later';
}

/** The last takeover on disk: `takeover.json`. It outlives a factory reset: what the other client wrote is still in the shadow. */
export function createTakeoverStore(deps: {
  files: Files;
  stateDirectory: string;
  clock: MonotonicClock;
  log: Log;
}): KeptFile<KeptTakeover> {
  return createKeptFile(deps, {
    path: join(deps.stateDirectory, TAKEOVER_FILE),
    parse,
    urgency,
    name: 'takeover',
    means: 'the record of the last takeover is damaged: it counts as over',
  });
}
