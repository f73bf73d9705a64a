import { resolve } from 'node:path';
import { credentialsDirectory } from '../../config/credential-paths.ts';
import { type JsonObject, locationsIn, readObject } from '../../config/locations.ts';
import type { Environment } from '../../config/paths.ts';
import type { Files } from '../../system/files.ts';
import type { Paths } from '../../system/paths.ts';
import { isDenied } from './offline.ts';

/** Where the agent's things are, read from its configuration without validating it: hubctl must work with a wrong one, and start at once. */
export interface Places {
  identityPath: string;
  configPath: string;
  socketPath: string;
  stateDirectory: string;
  /** The folder that `credential:NAME` points into. */
  credentialsDirectory: string;
  /** `agent.json` and `identity.json` as far as they are JSON objects. */
  config: JsonObject;
  identity: JsonObject;
  /** Which of the two this user may not read: what they say is not known, and not absent. */
  unreadable: readonly string[];
}

/** Never throws; what cannot be read has its default. */
export async function locate(
  options: { config: string; identity: string; socket?: string | undefined },
  { env, files, paths }: { env: Environment; files: Pick<Files, 'read'>; paths: Pick<Paths, 'denial'> },
): Promise<Places> {
  const configPath = resolve(options.config);
  const identityPath = resolve(options.identity);
  const [config, identity, directory] = await Promise.all([
    readObject(files, configPath),
    readObject(files, identityPath),
    credentialsDirectory(env, paths),
  ]);
  const { socketPath, stateDirectory } = locationsIn(config.value, configPath);
  return {
    configPath,
    identityPath,
    socketPath: options.socket ? resolve(options.socket) : socketPath,
    stateDirectory,
    credentialsDirectory: directory,
    config: config.value,
    identity: identity.value,
    unreadable: [...(isDenied(config.error) ? [configPath] : []), ...(isDenied(identity.error) ? [identityPath] : [])],
  };
}
