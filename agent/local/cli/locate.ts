import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Where the agent's things are, read from its configuration without judging it: hubctl must work with a wrong one, and start at once. */
export interface Places {
  identityPath: string;
  configPath: string;
  socketPath: string;
  stateDirectory: string;
  /** `agent.json` and `identity.json` as far as they are JSON objects. */
  config: Record<string, unknown>;
  identity: Record<string, unknown>;
}

/** As in the configuration's schema. */
const DEFAULTS = { socketPath: '/run/hub-agent/control.sock', stateDirectory: '/var/lib/hub-agent' };

async function readObject(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Never throws; what cannot be read has its default. */
export async function locate(options: { config: string; identity: string; socket?: string | undefined }): Promise<Places> {
  const configPath = resolve(options.config);
  const identityPath = resolve(options.identity);
  const [config, identity] = await Promise.all([readObject(configPath), readObject(identityPath)]);
  const named = (value: unknown, usual: string) =>
    typeof value === 'string' && value !== '' ? resolve(dirname(configPath), value) : usual;
  return {
    configPath,
    identityPath,
    socketPath: options.socket
      ? resolve(options.socket)
      : named((config.local as { socketPath?: unknown } | undefined)?.socketPath, DEFAULTS.socketPath),
    stateDirectory: named(config.stateDirectory, DEFAULTS.stateDirectory),
    config,
    identity,
  };
}
