import { credentialsDirectory, pathFor } from '../../config/credential-paths.ts';
import { keyFileValidator } from '../../config/key-files.ts';
import { loadConfig } from '../../config/load.ts';
import { isHubError } from '../../system/errors.ts';
import type { Places } from '../cli/locate.ts';
import { isDenied } from '../cli/offline.ts';
import type { ConfigFault, DoctorPorts } from '../doctor/check.ts';
import type { HubctlMachine } from './machine.ts';
import { findClosedFiles } from './service-files.ts';
import { settingsOf } from './settings.ts';

/**
 * The configuration judged as the agent does when it starts, key files and the rights of its user included. A file that only this user may not read is no fault of it:
 * its name is given apart.
 */
export async function findConfigFaults(
  places: Places,
  {
    isRoot,
    env,
    files,
    etc,
    now,
    clockSynchronized,
  }: Pick<HubctlMachine, 'isRoot' | 'env' | 'files' | 'etc'> & { now: Date; clockSynchronized: boolean | null },
): ReturnType<DoctorPorts['configFaults']> {
  const unreadable = new Set<string>();
  const denied = (error: unknown, path: string) => {
    if (!isRoot && isDenied(error)) unreadable.add(path);
    return unreadable.has(path);
  };
  const directory = credentialsDirectory(env);
  const options = {
    identityPath: places.identityPath,
    agentPath: places.configPath,
    files: {
      async read(path: string) {
        return files.read(path).catch((error: unknown) => {
          denied(error, path);
          throw error;
        });
      },
    },
    env: { ...env, CREDENTIALS_DIRECTORY: directory },
    now,
    clockSynchronized,
    resolvePath: (file: string, path: string) => pathFor(env, file, path),
    keyFileProblem: keyFileValidator((path) => path.startsWith(`${directory}/`), denied),
  };
  const closed = await findClosedFiles(places, etc);
  try {
    const { warnings, identity } = await loadConfig(options);
    return { problems: closed, warnings, unreadable: [...unreadable], hubId: identity.hubId };
  } catch (error) {
    if (!isHubError(error, 'config_invalid')) throw error;
    const named = pathsByField(places, env);
    const isOurs = ({ file, field }: ConfigFault) => unreadable.has((field === '' ? file : named.get(field)) ?? '');
    const problems = (error.details as readonly ConfigFault[]).filter((problem) => !isOurs(problem));
    return { problems: [...problems, ...closed], warnings: [], unreadable: [...unreadable], hubId: null };
  }
}

/** The fields that name a file of which the load says that it cannot be read. */
function pathsByField(places: Places, env: HubctlMachine['env']): Map<string, string | null> {
  const { certificatePath, privateKeyPath, caPath } = settingsOf(places, env);
  return new Map(Object.entries({ certificatePath, privateKeyPath, 'cloud.caPath': caPath }));
}
