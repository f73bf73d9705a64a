import { dirname, join, resolve } from 'node:path';
import type { Paths } from '../system/paths.ts';
import { CREDENTIAL_PREFIX, type Environment } from './paths.ts';

/** Where systemd puts the service's credentials while it runs (systemd.exec(5)), and where the unit loads them from. */
const RUNNING = '/run/credentials/hub-agent.service';
const SOURCE = '/etc/hub-agent';
const KEYS = 'keys_';

/** The folder that `credential:NAME` points into, for a user other than the service: that of the running service, else where the unit loads them from. */
export async function credentialsDirectory(env: Environment, paths: Pick<Paths, 'denial'>): Promise<string> {
  return env.CREDENTIALS_DIRECTORY ?? ((await paths.denial(RUNNING, 'none')) === null ? RUNNING : SOURCE);
}

/** A folder given to LoadCredential= has its files as `FOLDER_FILE` in the service (systemd.exec(5)), and as they are at their source. */
function credentialPath(directory: string, name: string): string {
  const key = directory === SOURCE && name.startsWith(KEYS) ? join('keys', name.slice(KEYS.length)) : name;
  return join(directory, key);
}

/** A path of the configuration for a user other than the service: relative to its file, or where the credential is now. */
export function pathFor(directory: string, file: string, path: string): string {
  return path.startsWith(CREDENTIAL_PREFIX)
    ? credentialPath(directory, path.slice(CREDENTIAL_PREFIX.length))
    : resolve(dirname(file), path);
}
