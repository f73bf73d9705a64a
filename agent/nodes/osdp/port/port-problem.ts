import type { BusFailure } from '../../../contract/node.ts';
import type { PortProblem } from './port.ts';

/**
 * Why a port did not open, with the remedy.
 * @param code what access(2) and open(2) return for the path, and `EBUSY` for one that is locked; undefined: nothing stands against it. EACCES is the
 *   file's mode; EPERM comes from a control group of devices (`DeviceAllow=` of the unit), which comes before the mode (kernel,
 *   `devcgroup_inode_permission`).
 * @param detail the library's words
 */
export function portProblem(path: string, code: string | undefined, detail: string): PortProblem {
  if (code === 'ENOENT' || code === 'ENOTDIR') return { reason: 'missing', message: `${path} does not exist: is the adapter plugged in?` };
  if (code === 'EACCES')
    return { reason: 'permission', message: `${path} may not be opened: add the service user to the port's group (dialout)` };
  if (code === 'EPERM')
    return { reason: 'unit', message: `${path} is refused by the service's unit: its class is missing in DeviceAllow=, see hubctl doctor` };
  const reason: BusFailure = code === 'EBUSY' ? 'locked' : 'failed';
  const message = reason === 'locked' ? `${path} is in use by another program` : `${path} cannot be opened: ${detail}`;
  return { reason, message };
}
