import { dirname, join, resolve, sep } from 'node:path';

/** A path that starts with this names a credential of the service manager (systemd.exec(5), LoadCredential=). */
export const CREDENTIAL_PREFIX = 'credential:';

/** The environment variables that the configuration looks at. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A resolved path, or null when a credential is named outside of a service that has credentials. */
export type ResolvePath = (file: string, path: string) => string | null;

/**
 * Makes paths absolute: relative ones count from the folder of the file that names them, `credential:NAME` from `$CREDENTIALS_DIRECTORY`
 * (systemd.exec(5), LoadCredential=).
 */
export function createResolvePath(env: Environment): ResolvePath {
  return (file, path) => {
    if (!path.startsWith(CREDENTIAL_PREFIX)) return resolve(dirname(file), path);
    const directory = env.CREDENTIALS_DIRECTORY;
    return directory ? join(directory, path.slice(CREDENTIAL_PREFIX.length)) : null;
  };
}

/** True for a file that the service manager guards: its mode bits carry an access list and say nothing. */
export function isServiceCredential(env: Environment, path: string): boolean {
  const directory = env.CREDENTIALS_DIRECTORY;
  return !!directory && resolve(path).startsWith(resolve(directory) + sep);
}
