import { dirname, resolve } from 'node:path';
import { parseBounded } from '../system/bounded-json.ts';
import type { Files } from '../system/files.ts';

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** Where the agent's state and socket are unless `agent.json` says otherwise. The schema has the same; here so that hubctl starts without it. */
export const DEFAULT_STATE_DIRECTORY = '/var/lib/hub-agent';
export const DEFAULT_SOCKET_PATH = '/run/hub-agent/control.sock';

/** As much as is read of a document. */
export const MAX_DOCUMENT_BYTES = 256 * 1024;

/** The value as an object; an empty one in place of anything else. */
export const objectOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

/**
 * The lenient reading of a document: the object in the file, valid or not; empty where there is none.
 * `error`: why the file cannot be read; null: it was, or is not there. Never throws.
 */
export async function readObject(files: Pick<Files, 'read'>, path: string): Promise<{ value: JsonObject; error: unknown }> {
  let data: Buffer | null;
  try {
    data = await files.read(path, { maxBytes: MAX_DOCUMENT_BYTES });
  } catch (error) {
    return { value: {}, error };
  }
  try {
    return { value: objectOf(parseBounded(data?.toString('utf8').replace(/^\uFEFF/, '') ?? '{}')), error: null };
  } catch {
    return { value: {}, error: null };
  }
}

/** Where the state and the socket are, as `agent.json` says, right or wrong elsewhere. */
export function locationsIn(config: JsonObject, configPath: string): { socketPath: string; stateDirectory: string } {
  const named = (value: unknown, usual: string) =>
    typeof value === 'string' && value !== '' ? resolve(dirname(configPath), value) : usual;
  return {
    socketPath: named(objectOf(config.local).socketPath, DEFAULT_SOCKET_PATH),
    stateDirectory: named(config.stateDirectory, DEFAULT_STATE_DIRECTORY),
  };
}
