import { OSDP_KEYS, ZIGBEE_FOLDER } from '../../state/layout.ts';
import type { Paths } from '../../system/paths.ts';
import { readRegularFile } from '../../system/regular-file.ts';
import { Secret } from '../../system/secret.ts';
import type { Places } from '../cli/locate.ts';
import { keySecrets } from './key-secrets.ts';
import { profileSecrets } from './profile-secrets.ts';
import { settingsOf } from './settings.ts';

const MAX_PROFILES = 256;
/** More than there are buses, damaged ones included. */
const MAX_KEY_FILES = 64;
/** A checksum follows it in its file. */
const COMMAND_KEY_BYTES = 32;
/** Many times what NetworkManager writes. */
const MAX_PROFILE_BYTES = 256 * 1024;
/** A VPN with many peers has a key for each. */
const MAX_PROFILE_SECRETS = 1_024;

const MAX_ZIGBEE_BUSES = 8;
/** Of a Zigbee network: its key, and those that devices have with the coordinator. */
const ZIGBEE_SECRET = /"(?:networkKey|key|tclk_seed|hashed_tclk)"\s*:\s*"([0-9a-fA-F]{32})"/g;
/** As the library's log and its files have it: hex, and bytes in decimals. */
const spellingsOfKey = (key: string) => [key, [...Buffer.from(key, 'hex')].join(','), [...Buffer.from(key, 'hex')].join(', ')];

/**
 * Every secret that this user can read: TLS key, OSDP keys, Zigbee keys, the key of command ids, and what NetworkManager's profiles hold. `unread`
 * names the files and folders that are there and could not be read: what is in them cannot be looked for.
 */
export async function findSecrets(
  places: Places,
  paths: Pick<Paths, 'names'>,
  profileFolders: readonly string[],
): Promise<{ secrets: Secret[]; unread: string[] }> {
  const settings = settingsOf(places);
  const found: string[] = [];
  const unread: string[] = [];
  const orMissing = <T>(path: string, empty: T) => {
    return (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') unread.push(path);
      return empty;
    };
  };
  const read = (path: string | null, maxBytes?: number) =>
    path === null ? '' : readRegularFile(path, maxBytes === undefined ? {} : { maxBytes }).then(String, orMissing(path, ''));

  found.push(...keySecrets(await read(settings.privateKeyPath)));
  for (const { keysPath } of settings.buses) found.push(...((await read(keysPath)).match(/\b[0-9a-fA-F]{32}\b/g) ?? []));
  const state = await paths.names(places.stateDirectory).catch(orMissing(places.stateDirectory, [] as string[]));
  for (const name of state.filter((each) => each.startsWith(OSDP_KEYS)).slice(0, MAX_KEY_FILES)) {
    const path = `${places.stateDirectory}/${name}`;
    const kept = await readRegularFile(path, { follow: false }).then(String, orMissing(path, ''));
    found.push(...(kept.match(/\b[0-9a-fA-F]{32}\b/g) ?? []));
  }
  const idKeyPath = `${places.stateDirectory}/command-id.key`;
  const idKey = await readRegularFile(idKeyPath, { follow: false }).catch(orMissing(idKeyPath, null));
  if (idKey) found.push(idKey.subarray(0, COMMAND_KEY_BYTES).toString('hex'));
  for (const folder of profileFolders) {
    const names = await paths.names(folder).catch(orMissing(folder, [] as string[]));
    if (names.length > MAX_PROFILES) unread.push(folder);
    for (const name of names.slice(0, MAX_PROFILES)) {
      const path = `${folder}/${name}`;
      const values = profileSecrets(await read(path, MAX_PROFILE_BYTES));
      if (values.length > MAX_PROFILE_SECRETS) unread.push(path);
      found.push(...values.slice(0, MAX_PROFILE_SECRETS));
    }
  }
  const zigbee = `${places.stateDirectory}/${ZIGBEE_FOLDER}`;
  const buses = await paths.names(zigbee).catch(orMissing(zigbee, [] as string[]));
  for (const bus of buses.slice(0, MAX_ZIGBEE_BUSES)) {
    for (const name of ['network.json', 'backup.copy', 'coordinator_backup.json', 'previous/network.json', 'previous.new/network.json']) {
      const text = await readRegularFile(`${zigbee}/${bus}/${name}`, { follow: false }).then(
        String,
        orMissing(`${zigbee}/${bus}/${name}`, ''),
      );
      for (const [, value] of text.matchAll(ZIGBEE_SECRET)) found.push(...spellingsOfKey(value!));
    }
  }
  unread.push(...places.unreadable);
  return { secrets: [...new Set(found)].map((value) => new Secret(value)), unread: [...new Set(unread)] };
}
