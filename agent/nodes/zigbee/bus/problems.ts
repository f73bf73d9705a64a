import type { Problem } from '../machine/machine.ts';
import { ProcessFailure } from '../process/process.ts';

const LIBRARY_MISSING: Problem = {
  reason: 'library',
  message:
    'the Zigbee library is not installed: it comes with the package hub-agent-zigbee (sudo apt install ./hub-agent-zigbee_VERSION_ARCH.deb), or with npm ci in a checkout',
};
const SILENT: Problem = {
  reason: 'silent',
  message:
    'the coordinator does not answer: is "adapter" in agent.json its kind, are "baudRate" and "rtscts" those of its firmware, does it have power?',
};

/** An error of the file system has a code such as `EACCES` (errno(3)). */
const isOfDisk = (error: unknown): error is NodeJS.ErrnoException => /^E[A-Z0-9]+$/.test((error as NodeJS.ErrnoException).code ?? '');

/** The files of the network cannot be read or written. Nothing is started then, so nothing is formed or overwritten. */
function diskProblem({ code, path }: NodeJS.ErrnoException, folder: string): Problem {
  const place = path ?? folder;
  const message =
    code === 'EACCES' || code === 'EPERM'
      ? `the agent may not use ${place} (${code}): it belongs to another user, or its mode forbids it. The network is not started, and its files stay as they are. sudo chown -Rh hub-agent:hub-agent ${folder}; sudo hubctl doctor --check files`
      : `${place} cannot be read or written (${code}): the network is not started, and its files stay as they are. sudo hubctl doctor --check disk`;
  return { reason: 'storage', message };
}

/** What a failed start means for the bus. @param folder where the network is kept */
export function problemOf(failure: unknown, folder: string): Problem {
  if (!(failure instanceof ProcessFailure))
    return isOfDisk(failure) ? diskProblem(failure, folder) : { reason: 'failed', message: 'the Zigbee bus failed by an internal error' };
  const { code, message } = failure;
  switch (code) {
    case 'library_missing':
      return LIBRARY_MISSING;
    case 'silent':
      return SILENT;
    case 'late':
      return { reason: 'silent', message: `${message}: the stick is silent, or the hub is too busy (sudo hubctl doctor)` };
    case 'in_use':
      return { reason: 'locked', message };
    case 'not_this_adapter':
      return { reason: 'silent', message: `${message}: is "adapter" in agent.json its kind?` };
    default:
      return { reason: 'failed', message: `the Zigbee network could not be started: ${message}` };
  }
}
