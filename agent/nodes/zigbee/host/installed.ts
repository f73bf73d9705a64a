import { createRequire } from 'node:module';

/** Where the add-on package puts the library. It is no part of a release: an update of the agent leaves it where it is. */
const ADD_ON = '/usr/lib/hub-agent-zigbee/node_modules/';
/** What this program was made for. */
const MAJOR = 11;
const LIBRARY = 'zigbee-herdsman';

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';

/**
 * Loads a package of the Zigbee library: beside this program, as in a checkout, else from the add-on package. Undefined: it is not installed, or a part of it
 * is not, or it is of another major version than this program. @throws the error of its loading
 */
export function requireInstalled<T>(name: string): T | undefined {
  for (const place of [import.meta.filename, ADD_ON]) {
    const load = createRequire(place);
    try {
      const { version } = load(`${LIBRARY}/package.json`) as { version: string };
      if (Number(version.split('.')[0]) === MAJOR) return load(name) as T;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return undefined;
}
