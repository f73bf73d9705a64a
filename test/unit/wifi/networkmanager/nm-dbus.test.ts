import { expect, test } from 'vitest';
import { wifiFinding } from '../../../../agent/health/wifi.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import { checkUsable, findDevice } from '../../../../agent/wifi/networkmanager/device.ts';
import { type BusCall, BusError, Variant } from '../../../../agent/wifi/networkmanager/message-bus.ts';
import type { LinkEvent, ProfileSettings } from '../../../../agent/wifi/networkmanager/network-manager.ts';
import { createNetworkManager } from '../../../../agent/wifi/networkmanager/nm-dbus.ts';
import { wifiProblemOf } from '../../../../agent/wifi/networkmanager/unusable.ts';
import { createFakeBus } from '../fake-bus.ts';

const ROOT = '/org/freedesktop/NetworkManager';
const NAME = 'org.freedesktop.NetworkManager';
const DEV = `${ROOT}/Devices/3`;
const PASSWORD = 'a "quoted" $password';

const profile: ProfileSettings = {
  id: 'hub-agent büro',
  uuid: '0d3e9d6a-0000-4000-8000-000000000000',
  interfaceName: 'wlan1',
  ssid: Buffer.from('büro'),
  hidden: false,
  security: 'wpa-psk',
  secret: new Secret(PASSWORD),
  autoconnect: false,
  autoconnectPriority: 10,
};

/** A body with its variants spelt out. */
function plain(value: unknown): unknown {
  if (value instanceof Variant) return [value.signature, plain(value.value)];
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  return value;
}

const transcript = (calls: BusCall[]) =>
  calls.map(({ path, member, signature, body }) => [path.replace(ROOT, ''), member, signature, plain(body)]);

const sent = (autoconnect: boolean) => ({
  connection: {
    id: ['s', 'hub-agent büro'],
    uuid: ['s', profile.uuid],
    type: ['s', '802-11-wireless'],
    'interface-name': ['s', 'wlan1'],
    autoconnect: ['b', autoconnect],
    'autoconnect-priority': ['i', 10],
  },
  '802-11-wireless': { ssid: ['ay', Buffer.from('büro').toString('hex')], mode: ['s', 'infrastructure'] },
  '802-11-wireless-security': { 'key-mgmt': ['s', 'wpa-psk'], psk: ['s', PASSWORD] },
  ipv4: { method: ['s', 'auto'], 'may-fail': ['b', true] },
  ipv6: { method: ['s', 'auto'], 'may-fail': ['b', true] },
});

test('the calls of a change are those that were proven, to the byte', async () => {
  const bus = createFakeBus({
    CheckpointCreate: [`${ROOT}/Checkpoint/1`],
    AddConnection2: [`${ROOT}/Settings/9`, {}],
    ActivateConnection: [`${ROOT}/ActiveConnection/4`],
    Update2: [{}],
    CheckpointDestroy: [],
    CheckpointRollback: [{ [DEV]: 0 }],
  });
  const manager = createNetworkManager(bus);
  const checkpoint = await manager.createCheckpoint(DEV, 120);
  const path = await manager.addProfile(profile);
  await manager.activate(path, DEV);
  await manager.saveProfile(path, { ...profile, autoconnect: true });
  await manager.destroyCheckpoint(checkpoint);
  await manager.rollBack(checkpoint);
  expect(transcript(bus.calls)).toEqual([
    ['', 'CheckpointCreate', 'aouu', [[DEV], 120, 2]],
    ['/Settings', 'AddConnection2', 'a{sa{sv}}ua{sv}', [sent(false), 0x22, {}]],
    ['', 'ActivateConnection', 'ooo', [`${ROOT}/Settings/9`, DEV, '/']],
    ['/Settings/9', 'Update2', 'a{sa{sv}}ua{sv}', [sent(true), 0x1, {}]],
    ['', 'CheckpointDestroy', 'o', [`${ROOT}/Checkpoint/1`]],
    ['', 'CheckpointRollback', 'o', [`${ROOT}/Checkpoint/1`]],
  ]);
  expect(new Set(bus.calls.map((call) => call.destination))).toEqual(new Set([NAME]));
});

test('an open network has no security setting, a hidden one says so, SAE is named', async () => {
  const bus = createFakeBus({ AddConnection2: ['/x', {}] });
  const manager = createNetworkManager(bus);
  await manager.addProfile({ ...profile, security: 'open', secret: null, hidden: true });
  await manager.addProfile({ ...profile, security: 'sae' });
  const [open, sae] = bus.calls.map((call) => plain(call.body[0]) as Record<string, Record<string, unknown>>);
  expect(open!['802-11-wireless-security']).toBeUndefined();
  expect(open!['802-11-wireless']).toMatchObject({ hidden: ['b', true] });
  expect(sae!['802-11-wireless-security']).toMatchObject({ 'key-mgmt': ['s', 'sae'] });
});

test('the route for the proof: a table of its own, chosen by the source address, in memory only, applied without dropping the link', async () => {
  const bus = createFakeBus({ Update2: [{}], Reapply: [] });
  const manager = createNetworkManager(bus);
  await manager.holdProfile('/x', {
    ...profile,
    sourceRoutes: [
      { address: '192.168.7.20', gateway: '192.168.7.1' },
      { address: 'fd00:7::20', gateway: 'fe80::1' },
    ],
  });
  await manager.reapply(DEV);
  const [update, reapply] = transcript(bus.calls) as [unknown[], unknown[]];
  expect(update[3]).toMatchObject([
    {
      ipv4: {
        'route-data': ['aa{sv}', [{ dest: ['s', '0.0.0.0'], prefix: ['u', 0], 'next-hop': ['s', '192.168.7.1'], table: ['u', 25401] }]],
        'routing-rules': ['aa{sv}', [{ from: ['s', '192.168.7.20'], 'from-len': ['y', 32], table: ['u', 25401], action: ['y', 1] }]],
      },
      ipv6: {
        'route-data': ['aa{sv}', [{ dest: ['s', '::'], prefix: ['u', 0], 'next-hop': ['s', 'fe80::1'], table: ['u', 25401] }]],
        'routing-rules': ['aa{sv}', [{ family: ['i', 10], from: ['s', 'fd00:7::20'], 'from-len': ['y', 128], table: ['u', 25401] }]],
      },
    },
    0x22,
    {},
  ]);
  expect(reapply).toEqual(['/Devices/3', 'Reapply', 'a{sa{sv}}tu', [{}, 0, 0]]);
});

test.each([
  ['could not restore a device', [{ [DEV]: 3 }]],
  ['has no result of a device', [{}]],
  ['has an unreadable result', [{ [DEV]: 'fine' }]],
  ['answered with something else', ['fine']],
  ['answered with nothing', []],
])('a rollback that %s is a failure', async (_, reply) => {
  const manager = createNetworkManager(createFakeBus({ CheckpointRollback: reply }));
  await expect(manager.rollBack('/x')).rejects.toMatchObject({ problem: 'failed' });
});

test('reads devices, profiles, access points, checkpoints', async () => {
  const bus = createFakeBus({
    GetDevices: [[`${ROOT}/Devices/1`, DEV, `${ROOT}/Devices/gone`]],
    [`${ROOT}/Devices/1 Device.*`]: [{ DeviceType: 1, Interface: 'eth0', State: 100 }],
    [`${DEV} Device.*`]: [{ DeviceType: 2, Interface: 'wlan1', State: 30, Autoconnect: false }],
    ListConnections: [['/p/1', '/p/2', '/p/3']],
    '/p/1 GetSettings': [{ connection: { id: 'Wired', uuid: 'w', type: '802-3-ethernet' } }],
    '/p/2 GetSettings': [
      {
        connection: { id: 'home', uuid: 'h', type: '802-11-wireless', 'interface-name': 'wlan1', timestamp: 1_790_000_000n },
        '802-11-wireless': { ssid: Buffer.from('home'), hidden: true },
        '802-11-wireless-security': { 'key-mgmt': 'sae' },
      },
    ],
    '/p/2 Connection.Unsaved': [false],
    '/p/3 GetSettings': [
      {
        connection: { id: 'hub-agent x', uuid: 'x', type: '802-11-wireless', autoconnect: false, 'autoconnect-priority': 12 },
        '802-11-wireless': { ssid: Buffer.from('x'), mode: 'ap' },
      },
    ],
    '/p/3 Connection.Unsaved': [true],
    GetAllAccessPoints: [['/ap/1', '/ap/gone']],
    '/ap/1 AccessPoint.*': [{ Ssid: Buffer.from('home'), Strength: 70, Flags: 1, WpaFlags: 0, RsnFlags: 0x188 }],
    'NetworkManager.Checkpoints': [['/c/1']],
    'Checkpoint.*': [{ Devices: [DEV], Created: 12n, RollbackTimeout: 120 }],
    'Wireless.LastScan': [123456789012n],
  });
  const manager = createNetworkManager(bus);
  expect(await manager.wifiDevices()).toEqual([{ path: DEV, interfaceName: 'wlan1', state: 30, autoconnect: false }]);
  expect(await manager.wifiProfiles()).toEqual([
    {
      path: '/p/2',
      id: 'home',
      uuid: 'h',
      ssid: Buffer.from('home'),
      unsaved: false,
      keyManagement: 'sae',
      autoconnect: true,
      autoconnectPriority: 0,
      interfaceName: 'wlan1',
      hidden: true,
      makesNetwork: false,
      lastJoinedSeconds: 1_790_000_000,
    },
    {
      path: '/p/3',
      id: 'hub-agent x',
      uuid: 'x',
      ssid: Buffer.from('x'),
      unsaved: true,
      keyManagement: null,
      autoconnect: false,
      autoconnectPriority: 12,
      interfaceName: '',
      hidden: false,
      makesNetwork: true,
      lastJoinedSeconds: 0,
    },
  ]);
  expect(await manager.accessPoints(DEV)).toEqual([
    { ssid: Buffer.from('home'), strengthPercent: 70, flags: 1, wpaFlags: 0, rsnFlags: 0x188 },
  ]);
  expect(await manager.checkpoints()).toEqual([{ path: '/c/1', devices: [DEV], rollbackTimeoutSeconds: 120 }]);
  expect(await manager.lastScan(DEV)).toBe(123456789012);
});

test('reads link, address, uplink, radio and permissions', async () => {
  const granted = { [`${NAME}.network-control`]: 'yes', [`${NAME}.checkpoint-rollback`]: 'auth', [`${NAME}.wifi.scan`]: 'no' };
  const manager = createNetworkManager(
    createFakeBus({
      [`${DEV} Device.ActiveConnection`]: ['/a/1'],
      '/a/1 Active.Uuid': ['u'],
      '/a/1 Active.State': [2],
      '/a/1 Active.Devices': [[DEV]],
      'NetworkManager.PrimaryConnection': ['/a/1'],
      'Device.Ip4Config': ['/ip/1'],
      'Device.Ip6Config': ['/ip/6'],
      'IP6Config.*': [
        {
          AddressData: [
            { address: 'fe80::5', prefix: 64 },
            { address: 'fd00::5', prefix: 64 },
          ],
          Gateway: 'fe80::1',
        },
      ],
      'IP4Config.*': [{ AddressData: [{ address: '10.0.0.5', prefix: 24 }], Gateway: '10.0.0.1' }],
      'NetworkManager.*': [{ WirelessEnabled: false, WirelessHardwareEnabled: true }],
      GetPermissions: [granted],
    }),
  );
  expect(await manager.activeProfile(DEV)).toBe('u');
  expect(await manager.activeState('/a/1')).toBe(2);
  expect(await manager.activeState('/a/2')).toBeNull();
  expect(await manager.uplinkDevice()).toBe(DEV);
  expect(await manager.ipv4(DEV)).toEqual({ address: '10.0.0.5', gateway: '10.0.0.1' });
  expect(await manager.ipv6(DEV)).toEqual({ address: 'fd00::5', gateway: 'fe80::1' });
  expect(await manager.radio()).toEqual({ softwareEnabled: false, hardwareEnabled: true });
  expect(await manager.missingPermissions()).toEqual([
    `${NAME}.checkpoint-rollback`,
    `${NAME}.settings.modify.system`,
    `${NAME}.wifi.scan`,
  ]);
});

const WIFI = { DeviceType: 2, Interface: 'wlan1', State: 100 };
test.each<[string, Record<string, unknown[]>]>([
  ['GetDevices', { GetDevices: ['/not/a/list'] }],
  ['GetDevices', { GetDevices: [] }],
  ['GetDevices', { GetDevices: [[7]] }],
  ['Device.DeviceType', { GetDevices: [[DEV]], 'Device.*': [{}] }],
  ['Device.DeviceType', { GetDevices: [[DEV]], 'Device.*': ['text'] }],
  ['Device.DeviceType', { GetDevices: [[DEV]], 'Device.*': [{ ...WIFI, DeviceType: '2' }] }],
  ['Device.Interface', { GetDevices: [[DEV]], 'Device.*': [{ ...WIFI, Interface: 7 }] }],
  ['Device.State', { GetDevices: [[DEV]], 'Device.*': [{ ...WIFI, State: 'activated' }] }],
  ['GetPermissions', { GetDevices: [[DEV]], 'Device.*': [WIFI], GetPermissions: [['yes']] }],
])('an answer of the wrong type for %s is told as such, not as a missing device or right: %j', async (what, answers) => {
  const manager = createNetworkManager(createFakeBus(answers));
  const error = await findDevice(manager, null)
    .then((device) => checkUsable(manager, device))
    .catch((thrown: unknown) => thrown);
  const problem = wifiProblemOf(error);
  expect(problem).toMatchObject({ reason: 'failed', message: expect.stringContaining(`wrong type for ${what}.`) });
  expect(wifiFinding(problem).text).toBe(`the Wi-Fi cannot be used: NetworkManager answers with a value of the wrong type for ${what}`);
});

test('nothing active, nothing configured', async () => {
  const manager = createNetworkManager(
    createFakeBus({ 'Device.ActiveConnection': ['/'], 'NetworkManager.PrimaryConnection': ['/'], 'Device.Ip4Config': ['/'] }),
  );
  expect(await manager.activeProfile(DEV)).toBeNull();
  expect(await manager.uplinkDevice()).toBeNull();
  expect(await manager.ipv4(DEV)).toEqual({ address: null, gateway: null });
});

test.each([
  ['disconnected', 'not_running', /message bus is not there.*dbus/],
  ['org.freedesktop.DBus.Error.ServiceUnknown', 'not_running', /systemctl enable --now NetworkManager/],
  ['org.freedesktop.DBus.Error.NoReply', 'not_running', /not running/],
  ['timeout', 'no_reply', /did not answer/],
  ['org.freedesktop.DBus.Error.AccessDenied', 'permission_denied', /settings\.modify\.system.*50-hub-agent\.rules/],
  [`${NAME}.Settings.PermissionDenied`, 'permission_denied', /settings\.modify\.system/],
  [`${NAME}.Settings.Connection.InvalidProperty`, 'invalid_settings', /InvalidProperty/],
  [`${NAME}.Settings.Connection.MissingSetting`, 'invalid_settings', /nothing was changed/],
  [`${NAME}.UnknownConnection`, 'unknown_object', /any more/],
  ['org.freedesktop.DBus.Error.UnknownObject', 'unknown_object', /any more/],
  [`${NAME}.InvalidArguments`, 'failed', /refused AddConnection2/],
  ['unsendable', 'failed', /refused AddConnection2/],
])('%s is %s', async (type, problem, message) => {
  const manager = createNetworkManager(createFakeBus({ AddConnection2: new BusError(type) }));
  const error = await manager.addProfile(profile).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ problem, message: expect.stringMatching(message) });
  expect(`${(error as Error).stack}${JSON.stringify(error)}`).not.toContain(PASSWORD);
});

test('scans by name only when asked', async () => {
  const bus = createFakeBus({ RequestScan: [] });
  const manager = createNetworkManager(bus);
  await manager.requestScan(DEV, null);
  await manager.requestScan(DEV, Buffer.from('ab'));
  expect(transcript(bus.calls).map((call) => call[3])).toEqual([[{}], [{ ssids: ['aay', ['6162']] }]]);
});

test('watches the device, all activations, and NetworkManager itself', async () => {
  const bus = createFakeBus({});
  const events: LinkEvent[] = [];
  const end = await createNetworkManager(bus).watch(DEV, (event) => events.push(event));
  bus.emit({ interface: `${NAME}.Device`, member: 'StateChanged', path: DEV, body: [120, 60, 7] });
  bus.emit({ interface: `${NAME}.Connection.Active`, member: 'StateChanged', path: '/a/1', body: [2, 1] });
  bus.emit({ interface: 'org.freedesktop.DBus', member: 'NameOwnerChanged', body: [NAME, ':1.5', ''] });
  bus.emit({ interface: 'org.freedesktop.DBus', member: 'NameOwnerChanged', body: [NAME, '', ':1.9'] });
  bus.lose();
  expect(events).toEqual([
    { type: 'device_state', state: 120, reason: 7 },
    { type: 'active_state', active: '/a/1', state: 2 },
    { type: 'manager_gone' },
    { type: 'manager_gone' },
  ]);
  end();
  bus.lose();
  expect(events).toHaveLength(4);
  expect(bus.rules).toContainEqual(expect.stringContaining(`path='${DEV}'`));
});
