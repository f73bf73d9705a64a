import { join } from 'node:path';
import { TAKEOVER_FILE } from '../../state/layout.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { parsed, type Schema } from '../../system/schema.ts';
import { parseSealed } from '../../system/seal.ts';
import { createKeptFile, type KeptFile, type Urgency } from './kept-file.ts';
import type { TakeoverWindow } from './takeover.ts';

/** A takeover as it is kept across restarts and factory resets. */
export interface KeptTakeover {
  takeover: TakeoverWindow;
  /** The end of the certificate that was in use: a takeover does not concern another one. ISO 8601. */
  certificate: string;
}

const TIME: Schema = { type: 'integer', minimum: 0 };
const TAKEOVER: Schema = {
  type: 'object',
  properties: { from: TIME, until: { ...TIME, type: ['integer', 'null'] }, at: TIME },
  required: ['from', 'until', 'at'],
};
const SCHEMA: Schema = {
  type: 'object',
  properties: { version: { const: 1 }, takeover: TAKEOVER, certificate: { type: 'string', maxLength: 64 } },
  required: ['version', 'takeover', 'certificate'],
};

function parse(data: Buffer): KeptTakeover {
  const { takeover, certificate } = parsed<KeptTakeover>(SCHEMA, parseSealed(data), 'no takeover of this format');
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
