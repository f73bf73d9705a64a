import { join } from 'node:path';
import { fileFaultText, standingFaults } from '../../health/files.ts';
import type { FileFault } from '../../system/file-faults.ts';
import type { Paths } from '../../system/paths.ts';
import { type Finding, fail, warn } from './check.ts';

/** Both levels of the state directory; more entries than an agent makes. */
const MAX_ENTRIES = 1_000;
const FOLDERS = ['commands'];

function remedyFor(code: string, stateDirectory: string): string {
  if (['EACCES', 'EPERM'].includes(code)) return ownRemedy(stateDirectory);
  if (['ENOSPC', 'EDQUOT'].includes(code)) return `df -h ${stateDirectory}`;
  if (code === 'EROFS') return 'sudo dmesg | tail -50; mount | grep " ro"';
  return 'sudo dmesg | tail -50';
}

/** Without following links: one may have been planted there. */
const ownRemedy = (path: string) => `sudo chown -Rh hub-agent:hub-agent ${path}; sudo systemctl restart hub-agent`;

const idRemedy = (path: string) =>
  `Set hubId in identity.json to the id in ${path}. If identity.json is right: sudo rm ${path}. Then: sudo systemctl restart hub-agent`;

/** What the running agent itself could not do with its files. What it set aside by itself is no fault any more. */
export function agentFaults(faults: readonly FileFault[], stateDirectory: string): Finding[] {
  return standingFaults(faults).map((fault) =>
    fail(fileFaultText(fault), fault.code === 'ID_MISMATCH' ? idRemedy(fault.path) : remedyFor(fault.code, stateDirectory)),
  );
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
      findings.push(fail(`${path} belongs to uid ${found.uid}: the agent cannot use it`, ownRemedy(stateDirectory)));
    else if (found.kind !== (isFolder ? 'directory' : 'file')) {
      findings.push(fail(`${path} is no ${isFolder ? 'folder' : 'regular file'}`, 'sudo systemctl restart hub-agent'));
    }
  }
  if (damaged.length > 0) {
    findings.push(
      warn(`damaged and set aside by the agent: ${damaged.join(', ')}`, 'Remove them when support has them: sudo hubctl reset'),
    );
  }
  return findings;
}
