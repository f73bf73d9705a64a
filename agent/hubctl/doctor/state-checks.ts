import { join } from 'node:path';
import { standingFaults } from '../../health/files.ts';
import { localFilesFinding, stateFaultFinding } from '../../health/local-files.ts';
import type { FileFault } from '../../system/file-faults.ts';
import type { Paths } from '../../system/paths.ts';
import { catalogued, type Finding } from './check.ts';

/** Both levels of the state directory; more entries than an agent makes. */
const MAX_ENTRIES = 1_000;
const FOLDERS = ['commands'];

/** What the running agent itself could not do with its files. What it set aside by itself is no fault any more. */
export function agentFaults(faults: readonly FileFault[], stateDirectory: string): Finding[] {
  return standingFaults(faults).map((fault) => catalogued(stateFaultFinding(fault, stateDirectory)));
}

async function entriesOf(paths: Paths, folder: string): Promise<string[]> {
  const names = await paths.names(folder).catch(() => [] as string[]);
  return names.slice(0, MAX_ENTRIES).map((name) => join(folder, name));
}

/**
 * What lies in the state directory and cannot be the agent's: of another owner, as after an agent that was run with sudo, or of another kind. Also
 * what the agent set aside as damaged. Nothing for a user who may not look.
 */
export async function strangersIn(machine: Paths, stateDirectory: string, owner: number): Promise<Finding[]> {
  const paths = [
    ...(await entriesOf(machine, stateDirectory)),
    ...(await Promise.all(FOLDERS.map((name) => entriesOf(machine, join(stateDirectory, name))))).flat(),
  ];
  const findings: Finding[] = [];
  const damaged: string[] = [];
  for (const path of paths.slice(0, MAX_ENTRIES)) {
    const found = await machine.facts(path, { follow: false }).catch(() => null);
    if (found === null) continue;
    const isKeptDamage = path.startsWith(join(stateDirectory, 'damaged-'));
    const isFolder = FOLDERS.some((name) => path === join(stateDirectory, name));
    if (isKeptDamage) damaged.push(path);
    else if (found.uid !== owner)
      findings.push(catalogued(localFilesFinding('state_entry_owner', { path, uid: found.uid, stateDirectory })));
    else if (found.kind !== (isFolder ? 'directory' : 'file')) {
      findings.push(catalogued(localFilesFinding('state_entry_kind', { path, isFolder })));
    }
  }
  if (damaged.length > 0) findings.push(catalogued(localFilesFinding('state_damaged', { paths: damaged })));
  return findings;
}
