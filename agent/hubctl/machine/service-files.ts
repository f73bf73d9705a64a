import { dirname, join, resolve } from 'node:path';
import { CREDENTIAL_PREFIX } from '../../config/paths.ts';
import type { ConfigFault } from '../../health/config.ts';
import type { Places } from '../cli/locate.ts';
import { type AccountFiles, obstacleTo, RIGHT, serviceUser } from './service-user.ts';

/** A file that the agent opens as its own user. */
interface Opened {
  file: string;
  field: string;
  path: string;
  /** The private key or the keys of a bus: better a credential than open to a group. */
  isKey: boolean;
}

const isPlain = (value: unknown): value is string => typeof value === 'string' && value !== '' && !value.startsWith(CREDENTIAL_PREFIX);

/** What the agent opens of the two documents; systemd opens its credentials for it. */
function openedOf({ configPath, identityPath, config, identity }: Places): Opened[] {
  const buses = Array.isArray(config.buses) ? (config.buses as ({ keysPath?: unknown } | null)[]) : [];
  const named: [string, string, unknown, boolean][] = [
    [identityPath, 'certificatePath', identity.certificatePath, false],
    [identityPath, 'privateKeyPath', identity.privateKeyPath, true],
    [configPath, 'cloud.caPath', (config.cloud as { caPath?: unknown } | undefined)?.caPath, false],
    ...buses.map((bus, index): [string, string, unknown, boolean] => [configPath, `buses[${index}].keysPath`, bus?.keysPath, true]),
  ];
  return [
    ...[identityPath, configPath].map((file) => ({ file, field: '', path: file, isKey: false })),
    ...named.flatMap(([file, field, value, isKey]) =>
      isPlain(value) ? [{ file, field, path: resolve(dirname(file), value), isKey }] : [],
    ),
  ];
}

function remedyFor({ file, field, path, isKey }: Opened, obstacle: string, folder: string): string {
  if (isKey) {
    const name = field === 'privateKeyPath' ? 'private-key.pem' : 'keys_NAME';
    return `Set "${field.split('.').at(-1)}": "credential:${name}" in ${file}.`;
  }
  // The package's rule puts the folder and the two documents right (tmpfiles.d(5)).
  if (field === '' || obstacle === folder) return 'sudo systemd-tmpfiles --create hub-agent.conf';
  if (obstacle !== path) return `sudo chmod o+x ${obstacle}`;
  return `sudo chgrp hub-agent ${path} && sudo chmod 0640 ${path}`;
}

/**
 * What root may read and the agent may not. Only of the documents that the agent itself starts with: a draft elsewhere is not opened by it.
 * Nothing where the service's user was not made.
 */
export async function findClosedFiles(places: Places, machine: AccountFiles): Promise<ConfigFault[]> {
  const user = await serviceUser(machine);
  const folder = join(machine.etc, 'hub-agent');
  if (user === null) return [];
  const installed = openedOf(places).filter(({ file }) => [join(folder, 'identity.json'), join(folder, 'agent.json')].includes(file));
  const faults = await Promise.all(
    installed.map(async (opened): Promise<ConfigFault[]> => {
      const obstacle = await obstacleTo(machine.paths, user, opened.path, RIGHT.read);
      if (obstacle === null) return [];
      const way = obstacle === opened.path ? '' : `: ${obstacle} is closed to it`;
      const what = opened.field === '' ? 'it' : opened.path;
      const message = `the agent, which runs as hub-agent, may not read ${what}${way}`;
      return [{ file: opened.file, field: opened.field, message, remedy: remedyFor(opened, obstacle, folder) }];
    }),
  );
  return faults.flat();
}
