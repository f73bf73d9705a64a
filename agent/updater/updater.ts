import { join } from 'node:path';
import { COUNT_FILE, OLD_STATE_FILE, STATE_FILE } from '../release/places.ts';
import { committed } from '../release/refusal.ts';
import { formatState, type RefusalReason, type ReleasesState } from '../release/state.ts';
import { type Decision, decide, type Facts, type Message } from './decide.ts';
import type { Disk } from './disk.ts';
import { pathOf, readFacts, type UpdaterMachine } from './facts.ts';
import { install, UNFINISHED } from './install.ts';

/** A message each, and what a cut left of one. A machine that decided in circles would end here. */
const MAX_STEPS = 16;

/** Removes the folders of releases that nothing leads to any more. */
function collectGarbage(disk: Disk, releases: string, { state: { current, previous, trial }, sound }: Facts & { sound: boolean }): void {
  if (!sound) return;
  const kept = new Set([current, previous, ...(trial ? [trial] : [])].map(({ sequence }) => String(sequence)));
  for (const name of disk.list(releases)) {
    if (/^\d+(?:\.new)?$/.test(name) && !kept.has(name)) disk.removeTree(join(releases, name));
  }
}

/** Carries out what was asked for, until nothing is left to do. @throws what the file system throws; a later run goes on */
export function runUpdater(disk: Disk, machine: UpdaterMachine): ReleasesState {
  const { releases, update, library, log } = machine;

  function remove(message: Message): void {
    const path = pathOf(message, machine)!;
    try {
      disk.remove(path);
    } catch {
      // A folder, which its owner put there: out of the way, so that it is not found for ever.
      disk.rename(path, `${path}.${machine.nowSeconds}`);
    }
    disk.sync(message === 'rollback' ? releases : update!);
  }

  function replace(name: string, state: ReleasesState): void {
    const path = join(releases, name);
    disk.remove(path + UNFINISHED);
    disk.write(path + UNFINISHED, formatState(state), 0o644);
    disk.rename(path + UNFINISHED, path);
    disk.sync(releases);
  }

  /** The state before stays readable under its own name. */
  function settle(before: ReleasesState, state: ReleasesState, done: Message | null): void {
    replace(OLD_STATE_FILE, before);
    replace(STATE_FILE, state);
    const { sequence, attempt, what, reason } = state.history.at(-1)!;
    log(`release ${sequence} (${attempt}): ${what}${reason === null ? '' : `, ${reason}`}`);
    if (done !== null) remove(done);
  }

  function installed(decision: Extract<Decision, { type: 'install' }>, facts: ReturnType<typeof readFacts>): RefusalReason | null {
    // The package comes last: what it has is copied, since it lies on another mount.
    const later = [committed(facts), facts.state.previous].filter(({ sequence }) => sequence > 0);
    const sources = [...later.map(({ sequence }) => join(releases, String(sequence))), library];
    try {
      collectGarbage(disk, releases, facts);
      return install(disk, decision, { releases, sources, update });
    } catch (error) {
      const { code = 'internal' } = error as NodeJS.ErrnoException;
      log(`release ${decision.manifest.sequence} cannot be installed: ${code}`);
      return code === 'ENOSPC' || code === 'EDQUOT' ? 'disk_full' : 'storage_failed';
    }
  }

  for (let step = 0; step < MAX_STEPS; step += 1) {
    const facts = readFacts(disk, machine);
    const decision = decide(facts);
    if (decision.type === 'write') settle(facts.state, decision.state, decision.done);
    else if (decision.type === 'drop') remove(decision.done);
    else if (decision.type === 'install') {
      const reason = installed(decision, facts);
      // Room for the state, too.
      if (reason !== null) disk.removeTree(join(releases, `${decision.manifest.sequence}${UNFINISHED}`));
      // What an earlier trial of the same sequence used up.
      else disk.remove(join(releases, COUNT_FILE));
      settle(facts.state, reason === null ? decision.started : decision.refused(reason), 'request');
    } else {
      collectGarbage(disk, releases, facts);
      return facts.state;
    }
  }
  throw new Error('the updater does not come to rest');
}
