import { type MessageBus, Variant } from './message-bus.ts';
import {
  type AccessPoint,
  type IpConfiguration,
  isNetworkManagerError,
  type LinkEvent,
  type NetworkManager,
  NetworkManagerError,
  type ObjectPath,
  POLKIT_ACTION,
  type WifiDevice,
  type WifiProfile,
} from './network-manager.ts';
import {
  asBytes,
  asNumber,
  asPaths,
  asRecord,
  asText,
  createNmCalls,
  NM,
  NM_NAME,
  NM_PATH,
  NO_OBJECT,
  requiredNumber,
  requiredPaths,
  requiredRecord,
  requiredText,
  SETTINGS_PATH,
} from './nm-calls.ts';
import { settingsBody } from './nm-settings.ts';

/** NMDeviceType. */
const DEVICE_TYPE_WIFI = 2;
const WIFI_PROFILE_TYPE = '802-11-wireless';
/** `mode` of a profile that joins a network; the others make one. */
const INFRASTRUCTURE = 'infrastructure';
/** NMCheckpointCreateFlags. */
const DELETE_NEW_CONNECTIONS = 0x02;
/** NMSettingsAddConnection2Flags and NMSettingsUpdate2Flags. */
const TO_DISK = 0x1;
const IN_MEMORY = 0x2;
const BLOCK_AUTOCONNECT = 0x20;
/** A street of flats shows some hundred access points; each costs a call. */
const MAX_ACCESS_POINTS = 256;
/** Far more than a hub has; each costs two calls. */
const MAX_PROFILES = 256;
const MAX_DEVICES = 64;
/** fe80::/10 (RFC 4291, section 2.5.6): leads no farther than the next router. */
const LINK_LOCAL = /^fe[89ab]/i;
/** Calls in flight at once: the bus allows far more, the hub's memory and NetworkManager need not see them. */
const PARALLEL_CALLS = 16;

/** NetworkManager over D-Bus, without introspection and proxies. Opens nothing before the first call. */
export function createNetworkManager(bus: MessageBus): NetworkManager {
  const nm = createNmCalls(bus);

  /** Null: it is not of Wi-Fi, or it is another user's (`connection.permissions`), whom NetworkManager alone may tell. */
  async function readProfile(path: ObjectPath): Promise<WifiProfile | null> {
    const answer = await nm.call(path, NM.profile, 'GetSettings', '', []).catch((error: unknown) => {
      if (isNetworkManagerError(error, 'permission_denied')) return null;
      throw error;
    });
    if (answer === null) return null;
    const settings = asRecord(answer[0]);
    const connection = asRecord(settings.connection);
    const wireless = asRecord(settings[WIFI_PROFILE_TYPE]);
    const security = settings['802-11-wireless-security'];
    if (connection.type !== WIFI_PROFILE_TYPE) return null;
    return {
      path,
      id: asText(connection.id),
      uuid: asText(connection.uuid),
      ssid: asBytes(wireless.ssid),
      unsaved: (await nm.get(path, NM.profile, 'Unsaved')) === true,
      keyManagement: security === undefined ? null : asText(asRecord(security)['key-mgmt']),
      // NetworkManager leaves out what has its default value.
      autoconnect: connection.autoconnect !== false,
      autoconnectPriority: asNumber(connection['autoconnect-priority']),
      interfaceName: asText(connection['interface-name']),
      hidden: wireless.hidden === true,
      makesNetwork: !['', INFRASTRUCTURE].includes(asText(wireless.mode)),
      lastJoinedSeconds: asNumber(connection.timestamp),
    };
  }

  async function readDevice(path: ObjectPath): Promise<WifiDevice | null> {
    const all = await nm.getAll(path, NM.device);
    if (requiredNumber(all.DeviceType, 'Device.DeviceType') !== DEVICE_TYPE_WIFI) return null;
    return {
      path,
      interfaceName: requiredText(all.Interface, 'Device.Interface'),
      state: requiredNumber(all.State, 'Device.State'),
      autoconnect: all.Autoconnect !== false,
    };
  }

  async function readAccessPoint(path: ObjectPath): Promise<AccessPoint> {
    const all = await nm.getAll(path, NM.accessPoint);
    return {
      ssid: asBytes(all.Ssid),
      strengthPercent: asNumber(all.Strength),
      flags: asNumber(all.Flags),
      wpaFlags: asNumber(all.WpaFlags),
      rsnFlags: asNumber(all.RsnFlags),
    };
  }

  async function readIp(device: ObjectPath, property: string, iface: string): Promise<IpConfiguration> {
    const nothing = { address: null, gateway: null };
    const config = asText(await nm.get(device, NM.device, property));
    if (config === '' || config === NO_OBJECT) return nothing;
    return orGone(async () => {
      const all = await nm.getAll(config, iface);
      const addresses = (Array.isArray(all.AddressData) ? all.AddressData : []).map((each) => asText(asRecord(each).address));
      return { address: addresses.find((each) => each !== '' && !LINK_LOCAL.test(each)) ?? null, gateway: asText(all.Gateway) || null };
    }, nothing);
  }

  return {
    async wifiDevices() {
      const [paths] = await nm.call(NM_PATH, NM.manager, 'GetDevices', '', []);
      return collect(requiredPaths(paths, 'GetDevices'), MAX_DEVICES, readDevice);
    },

    deviceState: async (device) => asNumber(await nm.get(device, NM.device, 'State')),

    async radio() {
      const all = await nm.getAll(NM_PATH, NM.manager);
      return { softwareEnabled: all.WirelessEnabled !== false, hardwareEnabled: all.WirelessHardwareEnabled !== false };
    },

    async missingPermissions() {
      const [permissions] = await nm.call(NM_PATH, NM.manager, 'GetPermissions', '', []);
      const granted = requiredRecord(permissions, 'GetPermissions');
      return Object.values(POLKIT_ACTION).filter((action) => granted[action] !== 'yes');
    },

    accessPoints: async (device) =>
      collect(asPaths((await nm.call(device, NM.wireless, 'GetAllAccessPoints', '', []))[0]), MAX_ACCESS_POINTS, readAccessPoint),

    async activeAccessPoint(device) {
      const path = asText(await nm.get(device, NM.wireless, 'ActiveAccessPoint'));
      return path === '' || path === NO_OBJECT ? null : orGone(() => readAccessPoint(path), null);
    },

    async requestScan(device, ssid) {
      await nm.call(device, NM.wireless, 'RequestScan', 'a{sv}', [ssid ? { ssids: new Variant('aay', [ssid]) } : {}]);
    },

    lastScan: async (device) => asNumber(await nm.get(device, NM.wireless, 'LastScan')),

    wifiProfiles: async () =>
      collect(asPaths((await nm.call(SETTINGS_PATH, NM.settings, 'ListConnections', '', []))[0]), MAX_PROFILES, readProfile),

    async activeProfile(device) {
      const active = asText(await nm.get(device, NM.device, 'ActiveConnection'));
      if (active === '' || active === NO_OBJECT) return null;
      return orGone(async () => asText(await nm.get(active, NM.active, 'Uuid')), null);
    },

    activeState: (active) => orGone(async () => asNumber(await nm.get(active, NM.active, 'State')), null),

    async uplinkDevice() {
      const primary = asText(await nm.get(NM_PATH, NM.manager, 'PrimaryConnection'));
      if (primary === '' || primary === NO_OBJECT) return null;
      return orGone(async () => asPaths(await nm.get(primary, NM.active, 'Devices'))[0] ?? null, null);
    },

    ipv4: (device) => readIp(device, 'Ip4Config', NM.ip4),
    ipv6: (device) => readIp(device, 'Ip6Config', NM.ip6),

    createCheckpoint: async (device, timeoutSeconds) =>
      asText((await nm.call(NM_PATH, NM.manager, 'CheckpointCreate', 'aouu', [[device], timeoutSeconds, DELETE_NEW_CONNECTIONS]))[0]),

    async checkpoints() {
      const paths = asPaths(await nm.get(NM_PATH, NM.manager, 'Checkpoints'));
      return collect(paths, MAX_DEVICES, async (path) => {
        const all = await nm.getAll(path, NM.checkpoint);
        return { path, devices: asPaths(all.Devices), rollbackTimeoutSeconds: asNumber(all.RollbackTimeout) };
      });
    },

    async rollBack(checkpoint) {
      const [reply] = await nm.call(NM_PATH, NM.manager, 'CheckpointRollback', 'o', [checkpoint]);
      const results = Object.values(asRecord(reply));
      if (results.length > 0 && results.every((result) => result === 0)) return;
      // A checkpoint of ours is of one device: an answer without a result for it proves nothing. Not every value has a text.
      const bad = results.find((result) => result !== 0);
      const result = typeof bad === 'number' ? bad : 'unreadable';
      throw new NetworkManagerError('failed', `NetworkManager could not restore the old network (result ${result}).`);
    },

    async destroyCheckpoint(checkpoint) {
      await nm.call(NM_PATH, NM.manager, 'CheckpointDestroy', 'o', [checkpoint]);
    },

    async addProfile(settings) {
      const body = [settingsBody(settings), IN_MEMORY | BLOCK_AUTOCONNECT, {}];
      return asText((await nm.call(SETTINGS_PATH, NM.settings, 'AddConnection2', 'a{sa{sv}}ua{sv}', body))[0]);
    },

    async holdProfile(profile, settings) {
      const flags = IN_MEMORY | BLOCK_AUTOCONNECT;
      await nm.call(profile, NM.profile, 'Update2', 'a{sa{sv}}ua{sv}', [settingsBody(settings), flags, {}]);
    },

    async reapply(device) {
      // No settings: those of the profile. Version 0: of what is applied now.
      await nm.call(device, NM.device, 'Reapply', 'a{sa{sv}}tu', [{}, 0, 0]);
    },

    async saveProfile(profile, settings) {
      await nm.call(profile, NM.profile, 'Update2', 'a{sa{sv}}ua{sv}', [settingsBody(settings), TO_DISK, {}]);
    },

    async deleteProfile(profile) {
      await nm.call(profile, NM.profile, 'Delete', '', []);
    },

    activate: async (profile, device) =>
      asText((await nm.call(NM_PATH, NM.manager, 'ActivateConnection', 'ooo', [profile, device, NO_OBJECT]))[0]),

    watch: (device, listener) => watchDevice(bus, device, listener),

    close: () => bus.close(),
  };
}

/** Reads objects a few at a time; what is gone meanwhile, or is of no interest (null), is left out. */
async function collect<T>(paths: ObjectPath[], limit: number, read: (path: ObjectPath) => Promise<T | null>): Promise<T[]> {
  const found: T[] = [];
  const bounded = paths.slice(0, limit);
  for (let at = 0; at < bounded.length; at += PARALLEL_CALLS) {
    const batch = await Promise.all(bounded.slice(at, at + PARALLEL_CALLS).map((path) => orGone(() => read(path), null)));
    for (const each of batch) if (each !== null) found.push(each);
  }
  return found;
}

async function orGone<T>(read: () => Promise<T>, gone: T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isNetworkManagerError(error, 'unknown_object')) return gone;
    throw error;
  }
}

/** The device's states, those of all active connections, and whether NetworkManager is there at all. */
async function watchDevice(bus: MessageBus, device: ObjectPath, listener: (event: LinkEvent) => void): Promise<() => void> {
  const ends: (() => void)[] = [bus.onLost(() => listener({ type: 'manager_gone' }))];
  const end = () => {
    for (const each of ends.splice(0)) each();
  };
  const states = `type='signal',sender='${NM_NAME}',member='StateChanged'`;
  const owner = `type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${NM_NAME}'`;
  try {
    ends.push(
      await bus.subscribe(owner, ({ body: [name, , next] }) => {
        if (name === NM_NAME && next === '') listener({ type: 'manager_gone' });
      }),
      await bus.subscribe(`${states},interface='${NM.device}',path='${device}'`, ({ body: [state, , reason] }) =>
        listener({ type: 'device_state', state: asNumber(state), reason: asNumber(reason) }),
      ),
      await bus.subscribe(`${states},interface='${NM.active}'`, ({ path, body: [state] }) =>
        listener({ type: 'active_state', active: path, state: asNumber(state) }),
      ),
    );
    return end;
  } catch {
    end();
    throw new NetworkManagerError('not_running', 'The message bus was lost while the change was prepared.');
  }
}
