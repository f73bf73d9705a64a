import { isHubError } from '../system/errors.ts';
import type { LoadConfigOptions } from './load.ts';
import { loadOsdpKeys } from './osdp-keys.ts';

/**
 * Validates the key file of a bus before any bus is made, so that one run of the configuration's check shows all problems.
 * @param isGuarded a file that systemd guards (`LoadCredential=`): its mode is not checked
 * @param isForgiven a file that could not be read, and is no fault of the configuration all the same
 */
export function keyFileValidator(
  isGuarded: (path: string) => boolean,
  isForgiven: (cause: unknown, path: string) => boolean = () => false,
): NonNullable<LoadConfigOptions['keyFileProblem']> {
  return async (path) => {
    try {
      await loadOsdpKeys(path, { guarded: isGuarded(path) });
      return null;
    } catch (error) {
      if (!isHubError(error, 'config_invalid')) throw error;
      return isForgiven(error.cause, path) ? null : { message: error.message, remedy: `Correct ${path}.` };
    }
  };
}
