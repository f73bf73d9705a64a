import { Variant } from '@jellybrick/dbus-next';
import { NetworkManagerError } from '../../../agent/wifi/networkmanager/network-manager.ts';
import { listed } from './air.ts';
import type { FakeHub } from './hub.ts';
import { busRefusal, NAME, ROOT } from './refusal.ts';

/** The full path of one of the fake hub's objects. */
export const root = (path: string) => ROOT + path;

/** NMDeviceType: Wi-Fi. */
const DEVICE_TYPE_WIFI = 2;
const NO_OBJECT = '/';
/** Every device with IPv6 has such an address beside the one that the network gives. */
const LINK_LOCAL = 'fe80::a00:27ff:fe4e:66a1';
const NOT_FOUND = (what: string) => new NetworkManagerError('unknown_object', `no such ${what}`);

/** What a scan lists: a hidden network has no name in it. */
export const visible = (hub: FakeHub) => hub.air.filter((each) => (each.on ?? true) && !each.hidden);

/** The checkpoint at a full path. @throws NetworkManagerError when there is none. */
export function checkpointAt(hub: FakeHub, path: unknown) {
  const standing = hub.checkpoint();
  if (!standing || root(standing.path) !== path) throw NOT_FOUND('checkpoint');
  return standing;
}

/** @throws NetworkManagerError when the full path is not the Wi-Fi device's. */
export function requireDevice(hub: FakeHub, path: unknown): void {
  if (!hub.world.hasDevice || path !== root(hub.device.path)) throw NOT_FOUND('device');
}

/** All properties of one interface of the object at a path below `ROOT`. @throws Refusal, NetworkManagerError */
export function propertiesOf(hub: FakeHub, path: string, iface: string): Record<string, Variant> {
  const active = hub.active();
  const full = root(path);
  switch (iface) {
    case NAME:
      if (path !== '') throw NOT_FOUND('object');
      return {
        Version: new Variant('s', '1.42.4'),
        WirelessEnabled: new Variant('b', hub.world.softwareEnabled),
        WirelessHardwareEnabled: new Variant('b', hub.world.hardwareEnabled),
        Checkpoints: new Variant('ao', hub.checkpoint() ? [root(hub.checkpoint()!.path)] : []),
        PrimaryConnection: new Variant('o', active?.state === 2 ? root(active.path) : NO_OBJECT),
      };
    case `${NAME}.Device`:
      requireDevice(hub, full);
      return {
        DeviceType: new Variant('u', DEVICE_TYPE_WIFI),
        Interface: new Variant('s', hub.interfaceName),
        State: new Variant('u', hub.device.state),
        StateReason: new Variant('(uu)', [hub.device.state, hub.device.reason]),
        Autoconnect: new Variant('b', hub.device.autoconnect),
        ActiveConnection: new Variant('o', active ? root(active.path) : NO_OBJECT),
        Ip4Config: new Variant('o', hub.addresses().ipv4 ? `${ROOT}/IP4Config/1` : NO_OBJECT),
        Ip6Config: new Variant('o', hub.addresses().ipv6 ? `${ROOT}/IP6Config/1` : NO_OBJECT),
      };
    case `${NAME}.Device.Wireless`:
      requireDevice(hub, full);
      return {
        LastScan: new Variant('x', BigInt(Math.round(hub.world.lastScan))),
        ActiveAccessPoint: new Variant('o', activeAccessPoint(hub)),
      };
    case `${NAME}.IP4Config`: {
      const { ipv4 } = hub.addresses();
      if (path !== '/IP4Config/1' || !ipv4) throw NOT_FOUND('configuration');
      return ipConfiguration([ipv4.address], 24, ipv4.gateway);
    }
    case `${NAME}.IP6Config`: {
      const { ipv6 } = hub.addresses();
      if (path !== '/IP6Config/1' || !ipv6) throw NOT_FOUND('configuration');
      return ipConfiguration([LINK_LOCAL, ipv6.address], 64, ipv6.gateway);
    }
    case `${NAME}.Connection.Active`:
      if (!active || path !== active.path) throw NOT_FOUND('connection');
      return {
        Id: new Variant('s', active.settings.id),
        Uuid: new Variant('s', active.uuid),
        State: new Variant('u', active.state),
        Devices: new Variant('ao', [root(hub.device.path)]),
      };
    case `${NAME}.Settings.Connection`:
      return { Unsaved: new Variant('b', hub.find(path).place === 'memory') };
    case `${NAME}.Checkpoint`: {
      const standing = checkpointAt(hub, full);
      return {
        Devices: new Variant('ao', [root(standing.device)]),
        Created: new Variant('x', 5n),
        RollbackTimeout: new Variant('u', standing.timeoutSeconds),
      };
    }
    case `${NAME}.AccessPoint`: {
      const seen = /^\/AccessPoint\/(\d+)$/.exec(path);
      const at = seen && hub.air[Number(seen[1])];
      if (!at) throw NOT_FOUND('access point');
      const point = listed(at);
      return {
        Ssid: new Variant('ay', point.ssid),
        Strength: new Variant('y', point.strengthPercent),
        Flags: new Variant('u', point.flags),
        WpaFlags: new Variant('u', point.wpaFlags),
        RsnFlags: new Variant('u', point.rsnFlags),
      };
    }
    default:
      throw busRefusal('UnknownInterface', `no such interface ${iface}`);
  }
}

function ipConfiguration(addresses: string[], prefix: number, gateway: string): Record<string, Variant> {
  const data = addresses.map((address) => ({ address: new Variant('s', address), prefix: new Variant('u', prefix) }));
  return { AddressData: new Variant('aa{sv}', data), Gateway: new Variant('s', gateway) };
}

/** The path of an access point, by its place in the air. */
export function accessPointPath(hub: FakeHub, point: FakeHub['air'][number]): string {
  return `${ROOT}/AccessPoint/${hub.air.indexOf(point)}`;
}

function activeAccessPoint(hub: FakeHub): string {
  const active = hub.active();
  return active?.state === 2 && active.point ? accessPointPath(hub, active.point) : NO_OBJECT;
}
