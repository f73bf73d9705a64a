import { basename, dirname, join } from 'node:path';
import { standingFaults } from '../../health/files.ts';
import { localFilesFinding, stateFaultFinding } from '../../health/local-files.ts';
import { UPDATE_FOLDER } from '../../release/places.ts';
import { COMMANDS_FOLDER, ZIGBEE_FOLDER } from '../../state/layout.ts';
import type { FileFault } from '../../system/file-faults.ts';
import type { Paths } from '../../system/paths.ts';
import { DAMAGED } from '../../system/records.ts';
import { catalogued, type Finding } from './check.ts';

/** All levels of the state directory; more entries than an agent makes. */
const MAX_ENTRIES = 1_000;
/** Folders that nothing is read from when the agent starts: parts of an update, and the files of a Zigbee network that was given up. */
const KEPT_FOLDERS = [UPDATE_FOLDER, 'previous', 'previous.new'];

const WHY_DAMAGED = 'What a damaged file held is lost; a power cut does that, or a disk that fails.';

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
  // One folder for each Zigbee network.
  const networks = await entriesOf(machine, join(stateDirectory, ZIGBEE_FOLDER));
  const folders = [join(stateDirectory, COMMANDS_FOLDER), join(stateDirectory, ZIGBEE_FOLDER), ...networks];
  const inside = await Promise.all(folders.map((folder) => entriesOf(machine, folder)));
  const paths = [...(await entriesOf(machine, stateDirectory)), ...inside.flat()];
  const isFolderOf = (path: string) => folders.includes(path) || KEPT_FOLDERS.includes(basename(path));
  const findings: Finding[] = [];
  const damaged: string[] = [];
  for (const path of paths.slice(0, MAX_ENTRIES)) {
    const found = await machine.facts(path, { follow: false }).catch(() => null);
    if (found === null) continue;
    const isFolder = isFolderOf(path);
    if (basename(path).startsWith(DAMAGED)) {
      if (dirname(path) === stateDirectory) damaged.push(path);
    } else if (found.uid !== owner)
      findings.push(catalogued(localFilesFinding('state_entry_owner', { path, uid: found.uid, stateDirectory })));
    else if (found.kind !== (isFolder ? 'directory' : 'file')) {
      findings.push(catalogued(localFilesFinding('state_entry_kind', { path, isFolder })));
    }
  }
  if (damaged.length > 0) findings.push({ ...catalogued(localFilesFinding('state_damaged', { paths: damaged })), why: WHY_DAMAGED });
  return findings;
}
