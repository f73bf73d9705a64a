/** The Debian package: the factory release, always there, with `release.json`, `SEQUENCE` and `SYSTEM`. */
export const FACTORY_FOLDER = '/usr/lib/hub-agent';
/** Root's: the state, and a folder for each release, named by its sequence. Everyone reads it. */
export const RELEASES_FOLDER = '/var/lib/hub-agent-releases';
/** Where trusted public keys lie, as `*.pem`: the package's, and the operator's. */
export const KEY_FOLDERS = ['/usr/share/hub-agent/release-keys', '/etc/hub-agent/release-keys'] as const;

/** Root's: how many seconds a trial may take; absent: 600. */
export const TRIAL_SECONDS_FILE = '/etc/hub-agent/trial-seconds';

/** Of the launcher, until the next boot: the attempt whose trial it could not start. */
export const REFUSED_FILE = '/run/hub-agent-release.refused';

/** In the releases' folder. */
export const STATE_FILE = 'state';
/** The state before the last change: the launcher reads it when the other one is damaged. */
export const OLD_STATE_FILE = 'state.old';
/** Starts and boots of the trial, as the launcher counts them. */
export const COUNT_FILE = 'count';
/** Root asks for the way back: the sequence that is to be left. */
export const ROLLBACK_FILE = 'rollback';

/** In a release's folder, the factory's too. */
export const MANIFEST_FILE = 'release.json';
export const SIGNATURE_FILE = 'release.sig';

/** In the agent's state directory: what it hands to the updater. */
export const UPDATE_FOLDER = 'update';
/** In that folder: parts by their hash, complete; `request.json` and `confirm.json` start the updater. */
export const PARTS_FOLDER = 'parts';
export const REQUEST_FILE = 'request.json';
export const CONFIRM_FILE = 'confirm.json';

/**
 * What stands before the absolute places above for the program of a release: empty on a hub. Where a release was installed below another folder, as
 * an image or a test does it, everything else lies below that folder too.
 */
export function rootOf(program: string): string {
  const match = /^(.*)(?:\/usr\/lib\/hub-agent|\/var\/lib\/hub-agent-releases\/\d+)\/[^/]+$/.exec(program);
  return match?.[1] ?? '';
}
