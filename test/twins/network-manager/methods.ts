import type { MonotonicClock } from '../../../agent/system/clock.ts';
import { NetworkManagerError } from '../../../agent/wifi/networkmanager/network-manager.ts';
import type { FakeHub } from './hub.ts';
import { accessPointPath, checkpointAt, requireDevice, root, visible } from './properties.ts';
import { NAME, ROOT, refusal } from './refusal.ts';
import { readSettings, type Settings, writtenSettings } from './settings.ts';

/** One method of NetworkManager's API. */
export interface Method {
  /** Signatures of the arguments and of the answer. */
  takes: string;
  gives: string;
  /** The polkit action that it needs, without NetworkManager's name. */
  action?: 'checkpoint-rollback' | 'settings.modify.system' | 'network-control' | 'wifi.scan';
  /** `path` is below `ROOT`. @throws Refusal, NetworkManagerError */
  run(path: string, body: unknown[]): unknown[];
}

/** NMCheckpointCreateFlags. */
const CHECKPOINT = { destroyAll: 0x01, deleteNewConnections: 0x02, disconnectNewDevices: 0x04, allowOverlapping: 0x08 };
/** NMSettingsAddConnection2Flags, NMSettingsUpdate2Flags. */
const PROFILE = { toDisk: 0x1, inMemory: 0x2, blockAutoconnect: 0x20 };
/** A scan takes so long until its end shows in `LastScan`. */
const SCAN_MS = 3_000;
const ACTIONS = ['checkpoint-rollback', 'settings.modify.system', 'network-control', 'wifi.scan'];

/** Where a profile with these flags stands. @throws Refusal for flags that the API does not have. */
function placeOf(flags: number) {
  const known = PROFILE.toDisk | PROFILE.inMemory | PROFILE.blockAutoconnect;
  const places = flags & (PROFILE.toDisk | PROFILE.inMemory);
  if ((flags & ~known) !== 0 || places === 0 || places === (PROFILE.toDisk | PROFILE.inMemory)) {
    throw refusal('Settings.InvalidArguments', `flags ${flags}`);
  }
  return {
    place: places === PROFILE.toDisk ? ('disk' as const) : ('memory' as const),
    durable: false,
    blocked: (flags & PROFILE.blockAutoconnect) !== 0,
    noSecrets: false,
  };
}

function createCheckpoint(hub: FakeHub, devices: string[], timeoutSeconds: number, flags: number): string {
  for (const device of devices) requireDevice(hub, device);
  // Measured: the flag works with an empty list only; with a device the call fails, and nothing would roll back.
  if ((flags & CHECKPOINT.disconnectNewDevices) !== 0 && devices.length > 0) throw refusal('InvalidArguments', 'flag 0x04 with devices');
  const modelled = CHECKPOINT.destroyAll | CHECKPOINT.deleteNewConnections;
  if ((flags & ~modelled) !== 0 || (flags & CHECKPOINT.deleteNewConnections) === 0 || devices.length === 0) {
    throw refusal('InvalidArguments', `the twin has no checkpoint with flags ${flags} on ${devices.length} devices`);
  }
  const standing = hub.checkpoint();
  if (standing && (flags & CHECKPOINT.destroyAll) !== 0) hub.endCheckpoint(standing);
  return root(hub.createCheckpoint(hub.device, timeoutSeconds));
}

/** The methods by interface and name, in front of a fake hub. */
export function methodsOf(hub: FakeHub, clock: MonotonicClock): ReadonlyMap<string, Method> {
  const atRoot = (path: string, is = '') => {
    if (path !== is) throw new NetworkManagerError('unknown_object', 'no such object');
  };
  const table: Record<string, Record<string, Method>> = {
    '': {
      GetDevices: { takes: '', gives: 'ao', run: () => [hub.world.hasDevice ? [root(hub.device.path)] : []] },
      GetPermissions: { takes: '', gives: 'a{ss}', run: () => [permissionsOf(hub)] },
      CheckpointCreate: {
        takes: 'aouu',
        gives: 'o',
        action: 'checkpoint-rollback',
        run: (_path, [devices, timeout, flags]) => [createCheckpoint(hub, devices as string[], timeout as number, flags as number)],
      },
      CheckpointDestroy: {
        takes: 'o',
        gives: '',
        action: 'checkpoint-rollback',
        run(_path, [checkpoint]) {
          hub.endCheckpoint(checkpointAt(hub, checkpoint));
          return [];
        },
      },
      CheckpointRollback: {
        takes: 'o',
        gives: 'a{su}',
        action: 'checkpoint-rollback',
        run(_path, [checkpoint]) {
          hub.rollBack(checkpointAt(hub, checkpoint));
          return [{ [root(hub.device.path)]: 0 }];
        },
      },
      ActivateConnection: {
        takes: 'ooo',
        gives: 'o',
        action: 'network-control',
        run(_path, [profile, device]) {
          requireDevice(hub, device);
          return [root(hub.activate(hub.find(String(profile).slice(ROOT.length))))];
        },
      },
    },
    '.Device': {
      Reapply: {
        takes: 'a{sa{sv}}tu',
        gives: '',
        action: 'network-control',
        run(path) {
          requireDevice(hub, root(path));
          if (!hub.active()) throw refusal('Device.NotActive', 'the device is not active');
          hub.reapply(hub.device);
          return [];
        },
      },
    },
    '.Device.Wireless': {
      GetAllAccessPoints: {
        takes: '',
        gives: 'ao',
        run(path) {
          requireDevice(hub, root(path));
          return [visible(hub).map((point) => accessPointPath(hub, point))];
        },
      },
      RequestScan: {
        takes: 'a{sv}',
        gives: '',
        action: 'wifi.scan',
        run(path, [options]) {
          requireDevice(hub, root(path));
          const unknown = Object.keys(options as object).filter((name) => name !== 'ssids');
          if (unknown.length > 0) throw refusal('Device.InvalidArgument', `no such option: ${unknown}`);
          clock.schedule(SCAN_MS, () => {
            hub.world.lastScan = clock.nowMs();
          });
          return [];
        },
      },
    },
    '.Settings': {
      ListConnections: { takes: '', gives: 'ao', run: () => [hub.profiles().map((each) => root(each.path))] },
      AddConnection2: {
        takes: 'a{sa{sv}}ua{sv}',
        gives: 'oa{sv}',
        action: 'settings.modify.system',
        run(_path, [body, flags]) {
          const place = placeOf(flags as number);
          const settings = readSettings(body as Settings);
          if (hub.profiles().some((each) => each.settings.uuid === settings.uuid)) throw refusal('Settings.UuidExists', 'known already');
          const path = hub.add(settings);
          Object.assign(hub.find(path), place);
          return [root(path), {}];
        },
      },
    },
    '.Settings.Connection': {
      GetSettings: { takes: '', gives: 'a{sa{sv}}', run: (path) => [writtenSettings(hub.find(path))] },
      Update2: {
        takes: 'a{sa{sv}}ua{sv}',
        gives: 'a{sv}',
        action: 'settings.modify.system',
        run(path, [body, flags]) {
          const profile = hub.find(path);
          const place = placeOf(flags as number);
          const settings = readSettings(body as Settings);
          if (settings.uuid !== profile.settings.uuid)
            throw refusal('Settings.Connection.InvalidProperty', 'connection.uuid cannot change');
          Object.assign(profile, { settings, ...place });
          return [{}];
        },
      },
      Delete: {
        takes: '',
        gives: '',
        action: 'settings.modify.system',
        run(path) {
          hub.remove(hub.find(path));
          return [];
        },
      },
    },
  };
  const methods = new Map<string, Method>();
  for (const [iface, members] of Object.entries(table)) {
    for (const [name, method] of Object.entries(members)) {
      const place = { '': '', '.Settings': '/Settings' }[iface];
      methods.set(`${NAME}${iface}.${name}`, {
        ...method,
        run(path, body) {
          if (place !== undefined) atRoot(path, place);
          return method.run(path, body);
        },
      });
    }
  }
  return methods;
}

/** What GetPermissions says to this caller. */
function permissionsOf(hub: FakeHub): Record<string, string> {
  return Object.fromEntries(ACTIONS.map((action) => [`${NAME}.${action}`, hub.world.missing.includes(`${NAME}.${action}`) ? 'no' : 'yes']));
}
