import { pathFor } from '../../config/credential-paths.ts';
import { checkCredentials } from '../../config/credentials.ts';
import { keyFileValidator } from '../../config/key-files.ts';
import { loadConfig } from '../../config/load.ts';
import type { TlsProof } from '../../config/tls-proof.ts';
import type { ConfigFault } from '../../health/config.ts';
import { isHubError } from '../../system/errors.ts';
import type { Paths } from '../../system/paths.ts';
import type { Places } from '../cli/locate.ts';
import { isDenied } from '../cli/offline.ts';
import type { DoctorPorts, TlsMaterial } from '../doctor/check.ts';
import type { HubctlMachine } from './machine.ts';
import { findClosedFiles } from './service-files.ts';
import { settingsOf } from './settings.ts';

type Machine = Pick<HubctlMachine, 'isRoot' | 'env' | 'files' | 'etc'> & {
  paths: Paths;
  now: Date;
  clockSynchronized: boolean | null;
  proof: TlsProof;
};

/**
 * Certificate, key and authorities as the agent would load them, checked by the same validator. Files of a configuration that is wrong elsewhere are
 * checked as well.
 */
export async function loadTlsMaterial(places: Places, { env, files, paths, isRoot, now, proof }: Machine): Promise<TlsMaterial> {
  const { certificatePath, privateKeyPath, caPath } = settingsOf(places);
  if (certificatePath === null || privateKeyPath === null || caPath === null) return { credentials: null, fault: null };
  const closed = (path: string) =>
    files.read(path).then(
      () => false,
      (error: unknown) => !isRoot && isDenied(error),
    );
  for (const path of [certificatePath, privateKeyPath, caPath]) if (await closed(path)) return { credentials: null, fault: null };
  const { identityPath, configPath } = places;
  const { problems, credentials } = await checkCredentials(
    {
      certificate: { path: certificatePath, file: identityPath, field: 'certificatePath' },
      privateKey: { path: privateKeyPath, file: identityPath, field: 'privateKeyPath' },
      ca: { path: caPath, file: configPath, field: 'cloud.caPath' },
    },
    // The mode of the key is the matter of the check `files`. The server decides about the dates: the clock here may be wrong.
    { files, env, now, clockSynchronized: false, proof, paths: { facts: async (path) => ({ ...(await paths.facts(path)), mode: 0o600 }) } },
  );
  const { certificate, privateKey, authorities } = credentials;
  if (certificate && privateKey && authorities) return { credentials: { certificate, privateKey, authorities }, fault: null };
  return { credentials: null, fault: problems[0] ?? null };
}

/**
 * Validates the configuration as the agent does when it starts, key files and the rights of its user included. A file that only this user may not read is no fault of it:
 * its name is given apart.
 */
export async function findConfigFaults(
  places: Places,
  { isRoot, env, files, paths, etc, now, clockSynchronized, proof }: Machine,
): ReturnType<DoctorPorts['configFaults']> {
  const unreadable = new Set<string>();
  const denied = (error: unknown, path: string) => {
    if (!isRoot && isDenied(error)) unreadable.add(path);
    return unreadable.has(path);
  };
  const directory = places.credentialsDirectory;
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
    paths,
    env: { ...env, CREDENTIALS_DIRECTORY: directory },
    now,
    clockSynchronized,
    proof,
    resolvePath: (file: string, path: string) => pathFor(directory, file, path),
    keyFileProblem: keyFileValidator((path) => path.startsWith(`${directory}/`), denied),
  };
  const closed = await findClosedFiles(places, { files, paths, etc });
  try {
    const { warnings, identity } = await loadConfig(options);
    return { problems: closed, warnings, unreadable: [...unreadable], hubId: identity.hubId };
  } catch (error) {
    if (!isHubError(error, 'config_invalid')) throw error;
    const named = pathsByField(places);
    const isOurs = ({ file, field }: ConfigFault) => unreadable.has((field === '' ? file : named.get(field)) ?? '');
    const problems = (error.details as readonly ConfigFault[]).filter((problem) => !isOurs(problem));
    return { problems: [...problems, ...closed], warnings: [], unreadable: [...unreadable], hubId: null };
  }
}

/** The fields that name a file which cannot be read, by the load. */
function pathsByField(places: Places): Map<string, string | null> {
  const { certificatePath, privateKeyPath, caPath } = settingsOf(places);
  return new Map(Object.entries({ certificatePath, privateKeyPath, 'cloud.caPath': caPath }));
}
