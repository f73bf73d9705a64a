import { join } from 'node:path';
import { createHubctlPorts } from '../../../agent/compose/hubctl-ports.ts';
import type { HubctlPorts } from '../../../agent/hubctl/cli/command.ts';
import type { HubctlMachine } from '../../../agent/hubctl/machine/machine.ts';

/**
 * hubctl's ports of a machine that holds nothing: no systemd, no journal, no message bus, no users, no stored Wi-Fi, whatever is on the
 * machine under the test. `folder` is the test's own; `passwd` and `group` may be put there.
 */
export function bareMachine(folder: string, changes: Partial<HubctlMachine> = {}): HubctlPorts {
  const none = (name: string) => join(folder, `no-${name}`);
  const machine: Partial<HubctlMachine> = {
    // Programs are looked for in PATH.
    env: { PATH: none('programs'), DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${none('bus')}` },
    etc: folder,
    systemdFolder: none('systemd'),
    cgroupFolder: none('cgroup'),
    profileFolders: [none('profiles')],
    ...changes,
  };
  return { ...createHubctlPorts(machine), service: async () => null, journal: async () => false };
}
