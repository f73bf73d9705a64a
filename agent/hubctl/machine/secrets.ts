import { createPrivateKey } from 'node:crypto';
import { OSDP_KEYS, ZIGBEE_FOLDER } from '../../state/layout.ts';
import type { Paths } from '../../system/paths.ts';
import { readRegularFile } from '../../system/regular-file.ts';
import { Secret } from '../../system/secret.ts';
import type { Places } from '../cli/locate.ts';
import { settingsOf } from './settings.ts';

const MAX_PROFILES = 256;
/** More than there are buses, damaged ones included. */
const MAX_KEY_FILES = 64;
/** A checksum follows it in its file. */
const COMMAND_KEY_BYTES = 32;
/** Of a profile of NetworkManager (nm-settings-keyfile(5)): what is a secret in it. */
const PROFILE_SECRET = /^(?:psk|password|wep-key\d|leap-password|private-key-password)=(.+)$/gm;

const MAX_ZIGBEE_BUSES = 8;
/** Of a Zigbee network: its key, and those that devices have with the coordinator. */
const ZIGBEE_SECRET = /"(?:networkKey|key|tclk_seed|hashed_tclk)"\s*:\s*"([0-9a-fA-F]{32})"/g;
/** As the library's log and its files have it: hex, and bytes in decimals. */
const spellingsOfKey = (key: string) => [key, [...Buffer.from(key, 'hex')].join(','), [...Buffer.from(key, 'hex')].join(', ')];

/** Numbers of a private key that reveal it in any container, in hex. */
function keyNumbers(pem: string): string[] {
  try {
    const { d, p, q } = createPrivateKey(pem).export({ format: 'jwk' });
    return [d, p, q].flatMap((number) => (typeof number === 'string' ? [Buffer.from(number, 'base64url').toString('hex')] : []));
  } catch {
    return [];
  }
}

/**
 * Every secret that this user can read: TLS key, OSDP keys, Zigbee keys, the key of command ids, Wi-Fi passwords. `unread` names the files and folders that are
 * there and could not be read: what is in them cannot be looked for.
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
  const read = (path: string | null) => (path === null ? '' : readRegularFile(path).then(String, orMissing(path, '')));

  const key = await read(settings.privateKeyPath);
  // A key in PEM is wrapped: each of its lines alone reveals it.
  found.push(...key.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-----')), ...keyNumbers(key));
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
      for (const [, value] of (await read(`${folder}/${name}`)).matchAll(PROFILE_SECRET)) found.push(value!);
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
