import type { EventEmitter } from 'node:events';
import { Message, type MessageBus, MessageType, sessionBus, Variant } from '@jellybrick/dbus-next';
import type { MonotonicClock } from '../../../agent/system/clock.ts';
import { Secret } from '../../../agent/system/secret.ts';
import { NetworkManagerError, type ProfileSettings } from '../../../agent/wifi/networkmanager/network-manager.ts';
import { listed } from '../../unit/wifi/fake-air.ts';
import type { FakeHub } from '../../unit/wifi/fake-hub.ts';

const NAME = 'org.freedesktop.NetworkManager';
const ROOT = '/org/freedesktop/NetworkManager';
type Settings = Record<string, Record<string, Variant>>;

/** NetworkManager's D-Bus API, as far as the agent uses it, in front of a fake hub. It checks the signature of every call. */
export async function serveNetworkManager(address: string, hub: FakeHub, clock: MonotonicClock) {
  const bus = sessionBus({ busAddress: address });
  await new Promise<void>((resolve, reject) => (bus as EventEmitter).once('connect', resolve).once('error', reject));
  await bus.requestName(NAME, 4);
  const rejected: string[] = [];

  const tell: Parameters<typeof hub.listeners.add>[0] = (event) => {
    if (event.type === 'device_state') signal(bus, root(hub.device.path), `${NAME}.Device`, 'uuu', [event.state, 0, event.reason]);
    if (event.type === 'active_state') signal(bus, root(event.active), `${NAME}.Connection.Active`, 'uu', [event.state, 0]);
  };
  hub.listeners.add(tell);

  const methods: Record<string, (path: string, body: unknown[]) => [string, string, unknown[]]> = {
    GetDevices: () => ['', 'ao', [hub.world.hasDevice ? [root(hub.device.path)] : []]],
    GetPermissions: () => ['', 'a{ss}', [permissions(hub)]],
    GetAllAccessPoints: () => ['', 'ao', [visible(hub).map((_, index) => `${ROOT}/AccessPoint/${index}`)]],
    RequestScan: () => {
      clock.schedule(3000, () => {
        hub.world.lastScan = clock.nowMs();
      });
      return ['a{sv}', '', []];
    },
    ListConnections: () => ['', 'ao', [hub.profiles().map((each) => root(each.path))]],
    GetSettings: (path) => ['', 'a{sa{sv}}', [written(hub.find(path).settings)]],
    CheckpointCreate: (_path, [devices, timeout]) => {
      if ((devices as string[])[0] !== root(hub.device.path)) throw new NetworkManagerError('unknown_object', 'no such device');
      return ['aouu', 'o', [root(hub.createCheckpoint(hub.device, timeout as number))]];
    },
    CheckpointDestroy: (_path, [checkpoint]) => {
      hub.endCheckpoint(checkpointAt(hub, checkpoint));
      return ['o', '', []];
    },
    CheckpointRollback: (_path, [checkpoint]) => {
      hub.rollBack(checkpointAt(hub, checkpoint));
      return ['o', 'a{su}', [{ [root(hub.device.path)]: 0 }]];
    },
    AddConnection2: (_path, [settings, flags]) => {
      if (flags !== 0x22) throw new NetworkManagerError('failed', 'unexpected flags');
      return ['a{sa{sv}}ua{sv}', 'oa{sv}', [root(hub.add(readSettings(settings as Settings))), {}]];
    },
    Update2: (path, [settings, flags]) => {
      const place = flags === 1 ? { place: 'disk', durable: false, blocked: false } : {};
      Object.assign(hub.find(path), { settings: readSettings(settings as Settings), ...place });
      return ['a{sa{sv}}ua{sv}', 'a{sv}', [{}]];
    },
    Delete: (path) => {
      hub.remove(hub.find(path));
      return ['', '', []];
    },
    ActivateConnection: (_path, [profile]) => ['ooo', 'o', [root(hub.activate(hub.find(String(profile).slice(ROOT.length))))]],
    Reapply: () => {
      hub.reapply(hub.device);
      return ['a{sa{sv}}tu', '', []];
    },
  };

  bus.addMethodHandler((message: Message) => {
    if (message.type !== MessageType.METHOD_CALL || !message.path?.startsWith(ROOT)) return false;
    const path = message.path.slice(ROOT.length);
    try {
      let answer: [string, unknown[]];
      if (message.member === 'Get' || message.member === 'GetAll') {
        const all = properties(hub, path, String(message.body[0]).slice(NAME.length));
        answer = message.member === 'GetAll' ? ['a{sv}', [all]] : ['v', [all[String(message.body[1])]]];
      } else {
        const [expected, signature, body] = methods[message.member]!(path, message.body);
        if ((message.signature ?? '') !== expected) rejected.push(`${message.member} ${message.signature}`);
        answer = [signature, body];
      }
      bus.send(Message.newMethodReturn(message, ...answer));
    } catch (error) {
      const unknown = error instanceof NetworkManagerError && error.problem === 'unknown_object';
      const name = unknown ? 'org.freedesktop.DBus.Error.UnknownObject' : `${NAME}.Failed`;
      bus.send(Message.newError(message, name, 'a text that may quote the password'));
    }
    return true;
  });

  return {
    /** Calls with another signature than NetworkManager's. */
    rejected,
    /** Leaves the bus, as a NetworkManager that stops does. */
    stop() {
      hub.listeners.delete(tell);
      bus.disconnect();
    },
  };
}

const root = (path: string) => ROOT + path;
const visible = (hub: FakeHub) => hub.air.filter((each) => (each.on ?? true) && !each.hidden);

function checkpointAt(hub: FakeHub, path: unknown) {
  const standing = hub.checkpoint();
  if (!standing || root(standing.path) !== path) throw new NetworkManagerError('unknown_object', 'no such checkpoint');
  return standing;
}

function permissions(hub: FakeHub): Record<string, string> {
  const actions = ['checkpoint-rollback', 'settings.modify.system', 'network-control', 'wifi.scan'].map((each) => `${NAME}.${each}`);
  return Object.fromEntries(actions.map((action) => [action, hub.world.missing.includes(action) ? 'no' : 'yes']));
}

function properties(hub: FakeHub, path: string, iface: string): Record<string, Variant> {
  const active = hub.active();
  switch (iface) {
    case '':
      return {
        WirelessEnabled: new Variant('b', hub.world.softwareEnabled),
        WirelessHardwareEnabled: new Variant('b', hub.world.hardwareEnabled),
        Checkpoints: new Variant('ao', hub.checkpoint() ? [root(hub.checkpoint()!.path)] : []),
        PrimaryConnection: new Variant('o', active?.state === 2 ? root(active.path) : '/'),
      };
    case '.Device':
      return {
        DeviceType: new Variant('u', 2),
        Interface: new Variant('s', hub.interfaceName),
        State: new Variant('u', hub.device.state),
        ActiveConnection: new Variant('o', active ? root(active.path) : '/'),
        Ip4Config: new Variant('o', active?.state === 2 ? `${ROOT}/IP4Config/1` : '/'),
      };
    case '.Device.Wireless':
      return { LastScan: new Variant('x', BigInt(Math.round(hub.world.lastScan))) };
    case '.IP4Config': {
      const data = { address: new Variant('s', '192.168.7.20'), prefix: new Variant('u', 24) };
      return { AddressData: new Variant('aa{sv}', [data]), Gateway: new Variant('s', '192.168.7.1') };
    }
    case '.Connection.Active':
      if (!active || path !== active.path) throw new NetworkManagerError('unknown_object', 'no such connection');
      return {
        Uuid: new Variant('s', active.uuid),
        State: new Variant('u', active.state),
        Devices: new Variant('ao', [root(hub.device.path)]),
      };
    case '.Settings.Connection':
      return { Unsaved: new Variant('b', hub.find(path).place === 'memory') };
    case '.Checkpoint': {
      const standing = checkpointAt(hub, root(path));
      return {
        Devices: new Variant('ao', [root(standing.device)]),
        Created: new Variant('x', 5n),
        RollbackTimeout: new Variant('u', standing.timeoutSeconds),
      };
    }
    case '.AccessPoint': {
      const point = listed(visible(hub)[Number(path.split('/').at(-1))]!);
      return {
        Ssid: new Variant('ay', point.ssid),
        Strength: new Variant('y', point.strengthPercent),
        Flags: new Variant('u', point.flags),
        WpaFlags: new Variant('u', point.wpaFlags),
        RsnFlags: new Variant('u', point.rsnFlags),
      };
    }
    default:
      throw new NetworkManagerError('failed', `no such interface ${iface}`);
  }
}

function written(settings: ProfileSettings): Settings {
  const connection: Record<string, Variant> = {
    id: new Variant('s', settings.id),
    uuid: new Variant('s', settings.uuid),
    type: new Variant('s', '802-11-wireless'),
    'autoconnect-priority': new Variant('i', settings.autoconnectPriority),
  };
  if (!settings.autoconnect) connection.autoconnect = new Variant('b', false);
  const body: Settings = { connection, '802-11-wireless': { ssid: new Variant('ay', settings.ssid) } };
  if (settings.security !== 'open') body['802-11-wireless-security'] = { 'key-mgmt': new Variant('s', settings.security) };
  return body;
}

function readSettings(body: Settings): ProfileSettings {
  const connection = body.connection!;
  const wireless = body['802-11-wireless']!;
  const security = body['802-11-wireless-security'];
  return {
    id: connection.id!.value as string,
    uuid: connection.uuid!.value as string,
    interfaceName: connection['interface-name']!.value as string,
    ssid: Buffer.from(wireless.ssid!.value as Buffer),
    hidden: wireless.hidden?.value === true,
    security: security ? (security['key-mgmt']!.value as ProfileSettings['security']) : 'open',
    secret: security ? new Secret(security.psk!.value as string) : null,
    autoconnect: connection.autoconnect!.value as boolean,
    autoconnectPriority: connection['autoconnect-priority']!.value as number,
  };
}

function signal(bus: MessageBus, path: string, iface: string, signature: string, body: unknown[]): void {
  bus.send(Message.newSignal(path, iface, 'StateChanged', signature, body));
}
