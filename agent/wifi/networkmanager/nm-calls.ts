import { BusError, type MessageBus } from './message-bus.ts';
import { NetworkManagerError, type NetworkManagerProblem, type ObjectPath, POLKIT_ACTION } from './network-manager.ts';

/** Names of NetworkManager's D-Bus API. */
export const NM_NAME = 'org.freedesktop.NetworkManager';
export const NM_PATH = '/org/freedesktop/NetworkManager';
export const SETTINGS_PATH = '/org/freedesktop/NetworkManager/Settings';
export const NM = {
  manager: NM_NAME,
  device: `${NM_NAME}.Device`,
  wireless: `${NM_NAME}.Device.Wireless`,
  accessPoint: `${NM_NAME}.AccessPoint`,
  active: `${NM_NAME}.Connection.Active`,
  checkpoint: `${NM_NAME}.Checkpoint`,
  ip4: `${NM_NAME}.IP4Config`,
  ip6: `${NM_NAME}.IP6Config`,
  settings: `${NM_NAME}.Settings`,
  profile: `${NM_NAME}.Settings.Connection`,
} as const;

/** D-Bus's way to say "nothing" where an object path is due. */
export const NO_OBJECT: ObjectPath = '/';

/** Calls to NetworkManager with its errors in our words. */
export interface NmCalls {
  call(path: ObjectPath, iface: string, member: string, signature: string, body: unknown[]): Promise<unknown[]>;
  get(path: ObjectPath, iface: string, property: string): Promise<unknown>;
  getAll(path: ObjectPath, iface: string): Promise<Record<string, unknown>>;
}

/** @returns calls that throw `NetworkManagerError` only */
export function createNmCalls(bus: MessageBus): NmCalls {
  async function call(path: ObjectPath, iface: string, member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    try {
      return await bus.call({ destination: NM_NAME, path, interface: iface, member, signature, body });
    } catch (error) {
      throw error instanceof BusError ? translated(error, member) : error;
    }
  }
  const properties = 'org.freedesktop.DBus.Properties';
  return {
    call,
    get: async (path, iface, property) => (await call(path, properties, 'Get', 'ss', [iface, property]))[0],
    getAll: async (path, iface) => asRecord((await call(path, properties, 'GetAll', 's', [iface]))[0]),
  };
}

/** The polkit action behind each method that has one. */
const ACTION_OF: Record<string, string> = {
  CheckpointCreate: POLKIT_ACTION.checkpoint,
  CheckpointRollback: POLKIT_ACTION.checkpoint,
  CheckpointDestroy: POLKIT_ACTION.checkpoint,
  AddConnection2: POLKIT_ACTION.profiles,
  Update2: POLKIT_ACTION.profiles,
  Delete: POLKIT_ACTION.profiles,
  ActivateConnection: POLKIT_ACTION.control,
  Reapply: POLKIT_ACTION.control,
  RequestScan: POLKIT_ACTION.scan,
};

const DBUS_ERROR = 'org.freedesktop.DBus.Error.';

function problemOf(type: string): NetworkManagerProblem {
  if (type === 'timeout') return 'no_reply';
  if (type === 'disconnected') return 'not_running';
  if (type.startsWith(DBUS_ERROR)) {
    const name = type.slice(DBUS_ERROR.length);
    // NoReply comes from the daemon when the service leaves with our call in its hands.
    if (['ServiceUnknown', 'NameHasNoOwner', 'NoReply', 'Disconnected', 'NoServer'].includes(name) || name.startsWith('Spawn')) {
      return 'not_running';
    }
    if (name === 'AccessDenied') return 'permission_denied';
    if (name === 'UnknownObject' || name === 'UnknownMethod' || name === 'UnknownInterface') return 'unknown_object';
    return 'failed';
  }
  if (type.endsWith('.PermissionDenied')) return 'permission_denied';
  if (/\.(InvalidProperty|InvalidSetting|MissingProperty|MissingSetting|PropertyNot\w+|SettingNot\w+|InvalidConnection)$/.test(type)) {
    return 'invalid_settings';
  }
  if (type.endsWith('.UnknownConnection') || type.endsWith('.UnknownDevice')) return 'unknown_object';
  return 'failed';
}

function translated({ type }: BusError, member: string): NetworkManagerError {
  const problem = problemOf(type);
  return new NetworkManagerError(problem, MESSAGE[problem](member, type));
}

const MESSAGE: Record<NetworkManagerProblem, (member: string, type: string) => string> = {
  not_running: (_, type) =>
    type === 'disconnected'
      ? 'The system message bus is not there. Install and start dbus and NetworkManager; without them the hub has no Wi-Fi to change.'
      : 'NetworkManager is not running. Run `systemctl enable --now NetworkManager` (package network-manager).',
  permission_denied: (member) =>
    `The agent is not allowed to ${ACTION_OF[member] ?? member}. Install the polkit rule 50-hub-agent.rules and polkitd.`,
  invalid_settings: (_, type) =>
    `NetworkManager does not accept these settings (${type}); nothing was changed. Check ssid and credentials.`,
  unknown_object: (member) => `NetworkManager does not know the object of ${member} any more.`,
  no_reply: (member) => `NetworkManager did not answer ${member} in time.`,
  failed: (member, type) => `NetworkManager refused ${member} (${type}).`,
};

/** Far more objects than a hub has; a message of D-Bus may hold millions. */
const MAX_PATHS = 256;

/** An answer of another type than NetworkManager's API documents. */
const mistyped = (what: string) =>
  new NetworkManagerError(
    'failed',
    `NetworkManager answers with a value of the wrong type for ${what}. Look at its version and its log: \`journalctl -u NetworkManager\`.`,
  );

/**
 * Readers of what decides whether there is a Wi-Fi device that may be used: an answer of the wrong type must not be reported as a missing device.
 * @throws NetworkManagerError `failed`
 */
export function requiredPaths(value: unknown, what: string): ObjectPath[] {
  if (!Array.isArray(value) || value.some((each) => typeof each !== 'string')) throw mistyped(what);
  return asPaths(value);
}
export function requiredNumber(value: unknown, what: string): number {
  if (!Number.isFinite(value)) throw mistyped(what);
  return value as number;
}
export function requiredText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw mistyped(what);
  return value;
}
export function requiredRecord(value: unknown, what: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || Buffer.isBuffer(value)) throw mistyped(what);
  return value as Record<string, unknown>;
}

/** Readers of all other replies: what has another shape than documented counts as nothing, never as a crash. */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : '');
export const asNumber = (value: unknown): number => (Number.isFinite(value) || typeof value === 'bigint' ? Number(value) : 0);
export const asBytes = (value: unknown): Buffer => (Buffer.isBuffer(value) ? Buffer.from(value) : Buffer.alloc(0));
export const asPaths = (value: unknown): ObjectPath[] =>
  Array.isArray(value) ? value.slice(0, MAX_PATHS).filter((each) => typeof each === 'string') : [];
export const asRecord = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
