import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from '../release/manifest.ts';
import { CONFIRM_FILE, COUNT_FILE, OLD_STATE_FILE, REQUEST_FILE, ROLLBACK_FILE, STATE_FILE } from '../release/places.ts';
import { isSigned } from '../release/signature.ts';
import {
  FIRST_STATE,
  formatState,
  isAttempt,
  parseState,
  type RefusalReason,
  type ReleasesState,
  VERDICTS,
  type Verdict,
} from '../release/state.ts';
import { type Count, committed, type Decision, type Done, decide, type Facts, type Request } from './decide.ts';
import type { Disk } from './disk.ts';
import { install, removeTree, UNFINISHED } from './install.ts';

/** This machine, as far as the updater needs it. */
export interface UpdaterMachine {
  /** Root's folder. */
  releases: string;
  /** The folder of the factory release, and its two numbers. */
  library: string;
  factory: { sequence: number; system: number };
  /** The agent's folder, where it cannot be exchanged meanwhile; null: there is none. */
  update: string | null;
  keys: readonly KeyObject[];
  arch: string;
  model: string | null;
  bootId: string;
  uptimeSeconds: number;
  trialSeconds: number;
  /** The attempt whose trial the launcher could not start in this boot; null: none. */
  refused: string | null;
  nowSeconds: number;
  log(line: string): void;
}

/** Manifest, signature and attempt, with the escapes of JSON. */
const MAX_REQUEST_BYTES = 2 * MAX_MANIFEST_BYTES + 1024;
const MAX_STATE_BYTES = 64 * 1024;
/** A message each, and what a cut left of one. A machine that decided in circles would end here. */
const MAX_STEPS = 16;
const NO_SPACE = ['ENOSPC', 'EDQUOT'];

function readJson(disk: Disk, path: string, maxBytes: number): Record<string, unknown> | 'invalid' | null {
  try {
    const data = disk.read(path, maxBytes);
    if (data === null) return null;
    const value: unknown = JSON.parse(data.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : 'invalid';
  } catch {
    return 'invalid';
  }
}

function readManifest(text: string): Manifest | null {
  try {
    return parseManifest(text);
  } catch {
    return null;
  }
}

function readRequest(disk: Disk, { update, keys }: UpdaterMachine): { request: Facts['request']; signature: string } {
  const found = update === null ? null : readJson(disk, join(update, REQUEST_FILE), MAX_REQUEST_BYTES);
  if (found === null || found === 'invalid') return { request: found, signature: '' };
  const { manifest, signature, attempt } = found;
  if (typeof manifest !== 'string' || typeof signature !== 'string' || !isAttempt(attempt)) return { request: 'invalid', signature: '' };
  const signed = isSigned(manifest, signature, keys);
  const request: Request = { attempt, manifest: readManifest(manifest), signed };
  return { request, signature };
}

function readConfirm(disk: Disk, { update }: UpdaterMachine): Facts['confirm'] {
  const found = update === null ? null : readJson(disk, join(update, CONFIRM_FILE), 1024);
  if (found === null || found === 'invalid') return found;
  const { sequence, verdict } = found;
  return Number.isSafeInteger(sequence) && VERDICTS.includes(verdict as Verdict)
    ? { sequence: sequence as number, verdict: verdict as Verdict }
    : 'invalid';
}

function readWords(disk: Disk, path: string): string[] | 'damaged' | null {
  try {
    return disk.read(path, 256)?.toString('latin1').trim().split(' ') ?? null;
  } catch {
    return 'damaged';
  }
}

function readCount(disk: Disk, releases: string): Count | 'damaged' | null {
  const words = readWords(disk, join(releases, COUNT_FILE));
  if (words === null || words === 'damaged') return words;
  const [sequence, boots, starts, sinceSeconds] = [words[0], words[1], words[2], words[4]].map((word) =>
    /^\d{1,16}$/.test(word ?? '') ? Number(word) : Number.NaN,
  );
  const bootId = words[3] ?? '';
  if ([sequence, boots, starts, sinceSeconds].some(Number.isNaN) || bootId === '') return 'damaged';
  return { sequence: sequence!, boots: boots!, starts: starts!, bootId, sinceSeconds: sinceSeconds! };
}

/**
 * The state; when it is damaged, what it was before its last change, without a trial. The package's release is there in any case.
 * `sound`: nothing was damaged, so that what it does not name is of no use.
 */
function readState(disk: Disk, { releases, log }: UpdaterMachine): { state: ReleasesState; sound: boolean } {
  let sound = true;
  for (const name of [STATE_FILE, OLD_STATE_FILE]) {
    try {
      const text = disk.read(join(releases, name), MAX_STATE_BYTES)?.toString('utf8');
      if (text === undefined) continue;
      const state = parseState(text);
      return { state: name === STATE_FILE ? state : { ...state, trial: null }, sound };
    } catch {
      log(`${name} of the releases is damaged`);
      sound = false;
    }
  }
  return { state: FIRST_STATE, sound };
}

/** Replaces the state: the one before stays readable under its own name until the new one is durable, and after. */
function writeState(disk: Disk, releases: string, state: ReleasesState): void {
  const at = (name: string) => join(releases, name);
  for (const name of [`${STATE_FILE}${UNFINISHED}`, `${OLD_STATE_FILE}${UNFINISHED}`]) disk.remove(at(name));
  disk.write(at(`${STATE_FILE}${UNFINISHED}`), formatState(state), 0o644);
  disk.sync(at(`${STATE_FILE}${UNFINISHED}`));
  if (disk.list(releases).includes(STATE_FILE)) {
    disk.link(at(STATE_FILE), at(`${OLD_STATE_FILE}${UNFINISHED}`));
    disk.rename(at(`${OLD_STATE_FILE}${UNFINISHED}`), at(OLD_STATE_FILE));
    // Two names of one file, as after a cut: then rename(2) does nothing.
    disk.remove(at(`${OLD_STATE_FILE}${UNFINISHED}`));
  }
  disk.rename(at(`${STATE_FILE}${UNFINISHED}`), at(STATE_FILE));
  disk.sync(releases);
}

/** Removes the folders of releases that nothing leads to any more. */
function collectGarbage(disk: Disk, { releases }: UpdaterMachine, { current, previous, trial }: ReleasesState): void {
  const kept = new Set([current, previous, ...(trial ? [trial] : [])].map(({ sequence }) => String(sequence)));
  for (const name of disk.list(releases)) {
    if (/^\d+(?:\.new)?$/.test(name) && !kept.has(name)) removeTree(disk, join(releases, name));
  }
}

/** Carries out what was asked for, until nothing is left to do. @throws what the file system throws; a later run goes on */
export function runUpdater(disk: Disk, machine: UpdaterMachine): ReleasesState {
  const { releases, update, library, log } = machine;
  const remove = (done: Done) => {
    const path = done === 'rollback' ? join(releases, ROLLBACK_FILE) : join(update!, done === 'request' ? REQUEST_FILE : CONFIRM_FILE);
    try {
      disk.remove(path);
    } catch {
      // A folder with something in it, which its owner put there: out of the way, so that it is not found for ever.
      disk.rename(path, `${path}.${machine.nowSeconds}`);
    }
    disk.sync(done === 'rollback' ? releases : update!);
  };
  const tell = (state: ReleasesState) => {
    const last = state.history.at(-1);
    if (last) log(`release ${last.sequence} (${last.attempt}): ${last.what}${last.reason === null ? '' : `, ${last.reason}`}`);
  };
  const settle = (state: ReleasesState, done: Done | null) => {
    writeState(disk, releases, state);
    tell(state);
    if (done !== null) remove(done);
  };

  function carryOut(
    decision: Exclude<Decision, { type: 'rest' }>,
    facts: Facts,
    { signature, sound }: { signature: string; sound: boolean },
  ): void {
    if (decision.type !== 'install') {
      if (decision.type === 'write') settle(decision.state, decision.done);
      else remove(decision.done);
      return;
    }
    const sources = [committed(facts), facts.state.previous]
      .filter(({ sequence }) => sequence > 0)
      .map(({ sequence }) => join(releases, String(sequence)));
    let reason: RefusalReason | null;
    try {
      if (sound) collectGarbage(disk, machine, facts.state);
      reason = install(disk, { manifest: decision.manifest, signature, releases, sources: [library, ...sources], update });
    } catch (error) {
      const { code = 'internal' } = error as NodeJS.ErrnoException;
      log(`release ${decision.manifest.sequence} cannot be installed: ${code}`);
      reason = NO_SPACE.includes(code) ? 'disk_full' : 'storage_failed';
    }
    if (reason !== null) {
      removeTree(disk, join(releases, `${decision.manifest.sequence}${UNFINISHED}`));
      settle(decision.refused(reason), 'request');
      return;
    }
    // What an earlier trial of the same sequence used up.
    disk.remove(join(releases, COUNT_FILE));
    disk.sync(releases);
    settle(decision.started, 'request');
  }

  for (let step = 0; step < MAX_STEPS; step += 1) {
    const { request, signature } = readRequest(disk, machine);
    const words = readWords(disk, join(releases, ROLLBACK_FILE));
    const rollback = words === null ? null : /^\d{1,16}$/.test(words[0] ?? '') && words.length === 1 ? Number(words[0]) : 'invalid';
    const { state, sound } = readState(disk, machine);
    const trialThere = state.trial !== null && disk.list(join(releases, String(state.trial.sequence))).includes('hub-agent.cjs');
    const facts: Facts = {
      ...machine,
      state,
      trialThere,
      request,
      confirm: readConfirm(disk, machine),
      rollback,
      count: readCount(disk, releases),
    };
    const decision = decide(facts);
    if (decision.type === 'rest') {
      if (sound) collectGarbage(disk, machine, state);
      return state;
    }
    carryOut(decision, facts, { signature, sound });
  }
  throw new Error('the updater does not come to rest');
}
