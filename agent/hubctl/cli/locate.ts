import { dirname, resolve } from 'node:path';
import { credentialsDirectory } from '../../config/credential-paths.ts';
import type { Environment } from '../../config/paths.ts';
import { parseBounded } from '../../system/bounded-json.ts';
import type { Paths } from '../../system/paths.ts';
import { readRegularFile } from '../../system/regular-file.ts';
import { isDenied } from './offline.ts';

/** Where the agent's things are, read from its configuration without judging it: hubctl must work with a wrong one, and start at once. */
export interface Places {
  identityPath: string;
  configPath: string;
  socketPath: string;
  stateDirectory: string;
  /** The folder that `credential:NAME` points into. */
  credentialsDirectory: string;
  /** `agent.json` and `identity.json` as far as they are JSON objects. */
  config: Record<string, unknown>;
  identity: Record<string, unknown>;
  /** Which of the two this user may not read: what they say is not known, and not absent. */
  unreadable: readonly string[];
}

/** As in the configuration's schema. */
const DEFAULTS = { socketPath: '/run/hub-agent/control.sock', stateDirectory: '/var/lib/hub-agent' };

/** As much as the agent reads of a document. */
const MAX_BYTES = 256 * 1024;

async function readObject(path: string): Promise<{ path: string; value: Record<string, unknown>; denied: boolean }> {
  try {
    const value: unknown = parseBounded((await readRegularFile(path, { maxBytes: MAX_BYTES })).toString('utf8').replace(/^\uFEFF/, ''));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return { path, value: isObject ? (value as Record<string, unknown>) : {}, denied: false };
  } catch (error) {
    return { path, value: {}, denied: isDenied(error) };
  }
}

/** Never throws; what cannot be read has its default. */
export async function locate(
  options: { config: string; identity: string; socket?: string | undefined },
  { env, paths }: { env: Environment; paths: Pick<Paths, 'denial'> },
): Promise<Places> {
  const configPath = resolve(options.config);
  const identityPath = resolve(options.identity);
  const documents = await Promise.all([readObject(configPath), readObject(identityPath)]);
  const [{ value: config }, { value: identity }] = documents;
  const named = (value: unknown, usual: string) =>
    typeof value === 'string' && value !== '' ? resolve(dirname(configPath), value) : usual;
  return {
    configPath,
    identityPath,
    socketPath: options.socket
      ? resolve(options.socket)
      : named((config.local as { socketPath?: unknown } | undefined)?.socketPath, DEFAULTS.socketPath),
    stateDirectory: named(config.stateDirectory, DEFAULTS.stateDirectory),
    credentialsDirectory: await credentialsDirectory(env, paths),
    config,
    identity,
    unreadable: documents.filter(({ denied }) => denied).map(({ path }) => path),
  };
}
