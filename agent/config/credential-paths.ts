import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CREDENTIAL_PREFIX, type Environment } from './paths.ts';

/** Where systemd puts the service's credentials while it runs (systemd.exec(5)), and where the unit loads them from. */
const CREDENTIALS = ['/run/credentials/hub-agent.service', '/etc/hub-agent'];
const KEYS = 'keys_';

/** The folder that `credential:NAME` points into, for somebody who is not the service. */
export function credentialsDirectory(env: Environment): string {
  return env.CREDENTIALS_DIRECTORY ?? CREDENTIALS.find((path) => existsSync(path)) ?? CREDENTIALS[1]!;
}

/** A folder given to LoadCredential= has its files as `FOLDER_FILE` in the service (systemd.exec(5)), and as they are at their source. */
function credentialPath(directory: string, name: string): string {
  const key = directory === CREDENTIALS[1] && name.startsWith(KEYS) ? join('keys', name.slice(KEYS.length)) : name;
  return join(directory, key);
}

/** A path of the configuration for somebody who is not the service: relative to its file, or where the credential is now. */
export function pathFor(env: Environment, file: string, path: string): string {
  return path.startsWith(CREDENTIAL_PREFIX)
    ? credentialPath(credentialsDirectory(env), path.slice(CREDENTIAL_PREFIX.length))
    : resolve(dirname(file), path);
}
