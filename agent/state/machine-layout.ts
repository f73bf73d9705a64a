import { keyfileEntries, keyfileText } from '../system/keyfile.ts';
import type { Forgetting } from './layout.ts';

/** What a hub remembers outside of its state directory: an absolute path, and what is there. */
export interface MachinePlace {
  path: string;
  /**
   * `folder`: the folder with all in it. `contents`: all in it. `credentials`: the pairs that were installed on the hub, and the link to the one in
   * use. `profiles`: the NetworkManager profiles of the agent alone.
   */
  takes: 'folder' | 'contents' | 'credentials' | 'profiles';
  /** `replace`: when another hub is flashed over it. A purge of the package takes all. */
  forgottenBy: Forgetting | 'purge';
}

/**
 * Everywhere that a hub, its owner's secrets or its agent's files lie. Flashing with `--replace` reads this list; a test holds `dpkg -P` and
 * `hubctl reset --factory` to it. The Wi-Fi profiles are NetworkManager's: a factory reset has it forget them; without NetworkManager they go as files.
 */
export const MACHINE_LAYOUT: readonly MachinePlace[] = [
  { path: '/etc/hub-agent/keys', takes: 'contents', forgottenBy: 'factory' },
  { path: '/etc/NetworkManager/system-connections', takes: 'profiles', forgottenBy: 'factory' },
  { path: '/var/lib/hub-agent', takes: 'contents', forgottenBy: 'replace' },
  { path: '/var/cache/hub-agent', takes: 'contents', forgottenBy: 'factory' },
  { path: '/etc/hub-agent', takes: 'credentials', forgottenBy: 'replace' },
  { path: '/etc/hub-agent', takes: 'folder', forgottenBy: 'purge' },
  { path: '/var/lib/hub-agent', takes: 'folder', forgottenBy: 'purge' },
  { path: '/var/lib/hub-agent-releases', takes: 'folder', forgottenBy: 'purge' },
  { path: '/var/cache/hub-agent', takes: 'folder', forgottenBy: 'purge' },
  { path: '/run/hub-agent', takes: 'folder', forgottenBy: 'purge' },
  { path: '/run/hub-agent-release', takes: 'folder', forgottenBy: 'purge' },
];

/** Begins the `id=` of every Wi-Fi profile of the agent; no other profile is ever changed or deleted. */
export const PROFILE_ID_PREFIX = 'hub-agent ';

/**
 * Whether a key file of NetworkManager (nm-settings-keyfile(5)) is a profile of the agent: by the last `id` in its sections `[connection]`. `scripts/package/maintainer/postrm` has the same rule in awk.
 */
export function isAgentProfile(keyfile: string): boolean {
  let isOwn = false;
  for (const { group, key, value } of keyfileEntries(keyfile)) {
    if (group === 'connection' && key === 'id') isOwn = keyfileText(value).startsWith(PROFILE_ID_PREFIX);
  }
  return isOwn;
}
