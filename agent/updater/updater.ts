import { join } from 'node:path';
import { CONFIRM_FILE, COUNT_FILE, OLD_STATE_FILE, REQUEST_FILE, ROLLBACK_FILE, STATE_FILE } from '../release/places.ts';
import { formatState, type RefusalReason, type ReleasesState } from '../release/state.ts';
import { committed, type Decision, type Done, decide, type Facts } from './decide.ts';
import type { Disk } from './disk.ts';
import { readFacts, type UpdaterMachine } from './facts.ts';
import { install, removeTree, UNFINISHED } from './install.ts';

/** A message each, and what a cut left of one. A machine that decided in circles would end here. */
const MAX_STEPS = 16;
const NO_SPACE = ['ENOSPC', 'EDQUOT'];

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
    // The package comes last: what it has is copied, since it lies on another mount.
    const later = [committed(facts), facts.state.previous].filter(({ sequence }) => sequence > 0);
    const sources = [...later.map(({ sequence }) => join(releases, String(sequence))), library];
    let reason: RefusalReason | null;
    try {
      if (sound) collectGarbage(disk, machine, facts.state);
      reason = install(disk, { manifest: decision.manifest, signature, releases, sources, update });
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
    const { facts, signature, sound } = readFacts(disk, machine);
    const decision = decide(facts);
    if (decision.type === 'rest') {
      if (sound) collectGarbage(disk, machine, facts.state);
      return facts.state;
    }
    carryOut(decision, facts, { signature, sound });
  }
  throw new Error('the updater does not come to rest');
}
