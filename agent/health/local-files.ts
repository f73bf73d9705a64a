import type { FileFault } from '../system/file-faults.ts';
import { octal } from '../system/units.ts';
import { fileFaultText } from './files.ts';
import { type Entries, finder, lookUp } from './finding.ts';
import { BUNDLE, DOCTOR, KERNEL_LOG, RESTART } from './remedies.ts';

interface Place {
  path: string;
}
/** `mode`: its permission bits. */
interface Mode extends Place {
  mode: number;
}
/** `what`: such as `the private key`. */
interface Named extends Place {
  what: string;
}
/** What the running agent could not do, and the state directory. */
interface Faulty {
  fault: FileFault;
  stateDirectory: string;
}

/** What can be wrong with keys, state directory and sockets, as a look at the disk shows. The hub is the subject. */
export interface LocalFilesParams {
  file_missing: Named;
  file_unreadable: Named & { code: string };
  file_open: Named & Mode;
  state_missing: Place;
  state_unreadable: Place & { code: string };
  state_no_folder: Place;
  state_owner: Place & { uid: number };
  state_open: Mode;
  state_unwritable: Mode;
  socket_blocked: Place;
  socket_mode: Mode & { wanted: number };
  state_fault_denied: Faulty;
  state_fault_no_space: Faulty;
  state_fault_read_only: Faulty;
  state_fault: Faulty;
  hub_id_mismatch: Faulty;
  state_entry_owner: Place & { uid: number; stateDirectory: string };
  state_entry_kind: Place & { isFolder: boolean };
  state_damaged: { paths: readonly string[] };
}

const NEXT = `${DOCTOR} --check files`;
const moveAway = ({ path }: Place) => `sudo mv ${path} ${path}.old; ${RESTART}`;
/** Without following links: one may have been planted there. */
const own = (path: string) => `sudo chown -Rh hub-agent:hub-agent ${path}`;
const ownRemedy = ({ stateDirectory }: { stateDirectory: string }) => `${own(stateDirectory)}; ${RESTART}`;
const faultText = ({ fault }: Faulty) => fileFaultText(fault);
const privateFolder = ({ path }: Place) => `sudo chmod 0700 ${path}`;

export const LOCAL_FILES: Entries<LocalFilesParams> = {
  file_missing: {
    severity: 'fail',
    text: ({ what, path }) => `${what} ${path} is missing`,
    remedy: ({ path }) => `Put it at ${path}, mode 0600.`,
    next: NEXT,
  },
  file_unreadable: {
    severity: 'fail',
    text: ({ what, path, code }) => `${what} ${path} cannot be read (${code})`,
    remedy: () => KERNEL_LOG,
    next: NEXT,
  },
  file_open: {
    severity: 'fail',
    text: ({ what, path, mode }) => `${what} ${path} has mode ${octal(mode)}: others can get at it`,
    remedy: ({ path }) => `sudo chmod 0600 ${path}`,
    next: NEXT,
  },
  state_missing: {
    severity: 'warn',
    text: ({ path }) => `the state directory ${path} is missing: the agent makes it when it starts`,
    remedy: () => 'sudo systemctl start hub-agent',
    next: NEXT,
  },
  state_unreadable: {
    severity: 'fail',
    text: ({ path, code }) => `the state directory ${path} cannot be read (${code})`,
    remedy: () => KERNEL_LOG,
    next: NEXT,
  },
  state_no_folder: { severity: 'fail', text: ({ path }) => `${path} is no directory`, remedy: moveAway, next: NEXT },
  state_owner: {
    severity: 'fail',
    text: ({ path, uid }) => `the state directory ${path} belongs to uid ${uid}, not to hub-agent`,
    remedy: ({ path }) => own(path),
    next: NEXT,
  },
  state_open: {
    severity: 'warn',
    text: ({ path, mode }) => `the state directory ${path} has mode ${octal(mode)}: others can look in`,
    remedy: privateFolder,
    next: NEXT,
  },
  state_unwritable: {
    severity: 'fail',
    text: ({ path, mode }) => `the state directory ${path} has mode ${octal(mode)}: the agent cannot write to it`,
    remedy: privateFolder,
    next: NEXT,
  },
  socket_blocked: {
    severity: 'fail',
    text: ({ path }) => `${path} is no socket: the agent cannot listen there`,
    remedy: moveAway,
    next: NEXT,
  },
  socket_mode: {
    severity: 'warn',
    text: ({ path, mode, wanted }) => `${path} has mode ${octal(mode)}, not ${octal(wanted)}`,
    remedy: () => RESTART,
    next: NEXT,
  },
  state_fault_denied: { severity: 'fail', text: faultText, remedy: ownRemedy, next: NEXT },
  state_fault_no_space: { severity: 'fail', text: faultText, remedy: ({ stateDirectory }) => `df -h ${stateDirectory}`, next: NEXT },
  state_fault_read_only: { severity: 'fail', text: faultText, remedy: () => `${KERNEL_LOG}; mount | grep " ro"`, next: NEXT },
  state_fault: { severity: 'fail', text: faultText, remedy: () => KERNEL_LOG, next: NEXT },
  hub_id_mismatch: {
    severity: 'fail',
    text: faultText,
    remedy: ({ fault: { path } }) =>
      `Set hubId in identity.json to the id in ${path}. If identity.json is right: sudo rm ${path}. Then: ${RESTART}`,
    next: NEXT,
  },
  state_entry_owner: {
    severity: 'fail',
    text: ({ path, uid }) => `${path} belongs to uid ${uid}: the agent cannot use it`,
    remedy: ownRemedy,
    next: NEXT,
  },
  state_entry_kind: {
    severity: 'fail',
    text: ({ path, isFolder }) => `${path} is no ${isFolder ? 'folder' : 'regular file'}`,
    remedy: () => RESTART,
    next: NEXT,
  },
  state_damaged: {
    severity: 'warn',
    text: ({ paths }) => `damaged and set aside by the agent: ${paths.join(', ')}`,
    remedy: () =>
      `Send a bundle to support first: ${BUNDLE}. Then: sudo hubctl reset. It also deletes the list of known nodes, which the agent finds again, and restarts the agent; claim, keys and networks stay.`,
    next: NEXT,
  },
};

export type LocalFilesCode = keyof LocalFilesParams;
export const localFilesFinding = finder(LOCAL_FILES);

/** By errno(3). */
const FAULT_CODES: Readonly<Record<string, 'state_fault' | 'state_fault_denied' | 'state_fault_no_space' | 'state_fault_read_only'>> = {
  EACCES: 'state_fault_denied',
  EPERM: 'state_fault_denied',
  ENOSPC: 'state_fault_no_space',
  EDQUOT: 'state_fault_no_space',
  EROFS: 'state_fault_read_only',
};

/** One thing that the running agent could not do with its files. */
export function stateFaultFinding(fault: FileFault, stateDirectory: string) {
  if (fault.code === 'ID_MISMATCH') return localFilesFinding('hub_id_mismatch', { fault, stateDirectory });
  return localFilesFinding(lookUp(FAULT_CODES, fault.code, 'state_fault'), { fault, stateDirectory });
}
