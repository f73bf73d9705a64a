import { DAMAGED } from '../system/records.ts';
import { CLAIM_FILE } from './claim-file.ts';
import { FORGET_WIFI, FORGOTTEN_CLAIM, RESET_ASKED } from './reset-notes.ts';

/**
 * What takes a thing that a hub remembers: `state` (`hubctl reset`), `factory` (`hubctl reset --factory`, and an agent that finds the state of
 * another hub), `replace` (another hub is flashed over it, or the package is purged). Each takes what the ones before it take.
 */
export type Forgetting = 'state' | 'factory' | 'replace';

/** A thing that a hub remembers. */
export interface Remembered {
  /** A name; with `*` at its end, every name that begins so. */
  name: string;
  forgottenBy: Forgetting;
}

export const HUB_ID_FILE = 'hub-id';
export const HUB_ID_COPY = 'hub-id.copy';
export const COMMAND_KEY_FILE = 'command-id.key';
export const COMMANDS_FOLDER = 'commands';
export const ALARMS_FILE = 'alarms.json';
export const TAKEOVER_FILE = 'takeover.json';
export const NODES_FILE = 'nodes.json';
export const WIFI_CHANGE_FILE = 'wifi-change.json';
export const UPDATE_JOB_FILE = 'update-job.json';
/** Begins the name of the file with the keys that the agent gave to the peripherals of a bus. */
export const OSDP_KEYS = 'osdp-keys-';
/** A folder for each Zigbee bus: its network with the key, and the devices paired with it. */
export const ZIGBEE_FOLDER = 'zigbee';
export const BOOT_ID_FILE = 'boot-id';

/** Everything in the state directory. A name that is not listed is forgotten by a factory reset. */
export const STATE_LAYOUT: readonly Remembered[] = [
  { name: NODES_FILE, forgottenBy: 'state' },
  { name: `${DAMAGED}*`, forgottenBy: 'state' },
  { name: `${RESET_ASKED}*`, forgottenBy: 'state' },
  { name: CLAIM_FILE, forgottenBy: 'factory' },
  { name: ALARMS_FILE, forgottenBy: 'factory' },
  { name: COMMANDS_FOLDER, forgottenBy: 'factory' },
  { name: COMMAND_KEY_FILE, forgottenBy: 'factory' },
  // As those beside the configuration: they belong to the owner of the locks. A reset of the state must not lock the hub out of them.
  { name: `${OSDP_KEYS}*`, forgottenBy: 'factory' },
  // Parts that were fetched, and messages to the updater.
  { name: 'update', forgottenBy: 'factory' },
  // Another client's command may still be in the shadow after a reset.
  { name: TAKEOVER_FILE, forgottenBy: 'replace' },
  // The key opens the locks of the one who had the hub, as the OSDP keys do. It is not learnt again, so a plain reset leaves it. The stick keeps the
  // network, and the agent does not form another one over it unasked.
  { name: ZIGBEE_FOLDER, forgottenBy: 'factory' },
  // A cut Wi-Fi change is put in order by it, after a reset too.
  { name: WIFI_CHANGE_FILE, forgottenBy: 'replace' },
  // The notes of a factory reset, for the next start.
  { name: FORGET_WIFI, forgottenBy: 'replace' },
  { name: `${FORGOTTEN_CLAIM}*`, forgottenBy: 'replace' },
  { name: HUB_ID_FILE, forgottenBy: 'replace' },
  { name: HUB_ID_COPY, forgottenBy: 'replace' },
  // A job that is at hand is answered, after a reset too.
  { name: UPDATE_JOB_FILE, forgottenBy: 'replace' },
  { name: BOOT_ID_FILE, forgottenBy: 'replace' },
];

const fits = ({ name }: Remembered, found: string) => (name.endsWith('*') ? found.startsWith(name.slice(0, -1)) : found === name);

/** Whether a reset takes the name in the state directory. */
export function isForgottenBy(kind: 'state' | 'factory', name: string): boolean {
  const known = STATE_LAYOUT.find((each) => fits(each, name));
  if (known === undefined) return kind === 'factory';
  return known.forgottenBy === 'state' || known.forgottenBy === kind;
}
