import { expect, test } from 'vitest';
import { BusError } from '../../../../agent/wifi/networkmanager/message-bus.ts';
import { createNetworkManager } from '../../../../agent/wifi/networkmanager/nm-dbus.ts';
import { lookAtRadio, notJoined } from '../../../../agent/wifi/rejoin/known-networks.ts';
import { createFakeBus } from '../fake-bus.ts';

const TYPE = '802-11-wireless';
const DEVICE = { DeviceType: 2, Interface: 'wlan0', State: 30, StateReason: [30, 0], Autoconnect: true };
/** A profile of the network in reach, changed. */
const home = (connection: object = {}, wireless: object = {}) => ({
  connection: { id: 'home', uuid: 'h', type: TYPE, ...connection },
  [TYPE]: { ssid: Buffer.from('home'), ...wireless },
});

/** What a look finds with these profiles, where `home` and a network that hides its name are on the air. */
async function seen(profiles: unknown[], device: object = {}, more: Record<string, unknown[]> = {}) {
  const paths = profiles.map((_, index) => `/p/${index}`);
  const bus = createFakeBus({
    GetDevices: [['/d/0']],
    '/d/0 Device.*': [{ ...DEVICE, ...device }],
    '/d/0 Device.ActiveConnection': ['/'],
    ListConnections: [paths],
    ...Object.fromEntries(profiles.map((profile, index) => [`/p/${index} GetSettings`, profile instanceof BusError ? profile : [profile]])),
    'Connection.Unsaved': [false],
    GetAllAccessPoints: [['/ap/1', '/ap/2']],
    '/ap/1 AccessPoint.*': [{ Ssid: Buffer.from('home'), Strength: 70, Flags: 1, WpaFlags: 0, RsnFlags: 0x188 }],
    '/ap/2 AccessPoint.*': [{ Ssid: Buffer.alloc(0), Strength: 70, Flags: 1, WpaFlags: 0, RsnFlags: 0x188 }],
    ...more,
  });
  const look = await lookAtRadio(createNetworkManager(bus), null);
  return { look, ids: look.state === 'idle' ? look.radio.profiles.map(({ profile }) => profile.id) : look.state };
}

test('by priority, then what was joined last; what hides its name comes last', async () => {
  const found = await seen([
    home({ id: 'hidden', uuid: '1', 'autoconnect-priority': 9 }, { ssid: Buffer.from('elsewhere'), hidden: true }),
    home({ id: 'old', uuid: '2', timestamp: 10n }),
    home({ id: 'new', uuid: '3', timestamp: 20n }),
    home({ id: 'first', uuid: '4', 'autoconnect-priority': 1 }),
    home({ id: 'out of reach', uuid: '5' }, { ssid: Buffer.from('far') }),
  ]);
  expect(found.ids).toEqual(['first', 'new', 'old', 'hidden']);
  expect(notJoined(found.look)).toEqual({ ssid: 'home', device: 'wlan0', byHand: false });
});

test.each([
  ['makes a network (AP)', home({}, { mode: 'ap' })],
  ['makes a network and hides its name', home({}, { mode: 'ap', hidden: true })],
  ['is for this hub and another one (ad hoc)', home({}, { mode: 'adhoc' })],
  ['does not connect by itself', home({ autoconnect: false })],
  ['is for another interface', home({ 'interface-name': 'wlan1' })],
  ['has no readable name', home({}, { ssid: 'home' })],
  ['is no Wi-Fi', { connection: { id: 'wired', uuid: 'w', type: '802-3-ethernet' } }],
])('a profile that %s is none to join', async (_what, profile) => {
  expect((await seen([profile])).ids).toBe('other');
});

test('a profile that is active on another radio is not taken from it', async () => {
  const found = await seen(
    [home()],
    {},
    {
      GetDevices: [['/d/0', '/d/1']],
      '/d/1 Device.*': [{ ...DEVICE, Interface: 'wlan1', State: 100 }],
      '/d/1 Device.ActiveConnection': ['/a/1'],
      '/a/1 Active.Uuid': ['h'],
    },
  );
  expect(found.ids).toBe('other');
});

test("another user's profile, which only that user may read, does not hide the rest", async () => {
  const denied = new BusError('org.freedesktop.NetworkManager.Settings.PermissionDenied');
  expect((await seen([denied, home()])).ids).toEqual(['home']);
});

test('told to stay disconnected', async () => {
  expect(notJoined((await seen([home()], { Autoconnect: false })).look)).toMatchObject({ byHand: true });
});

test.each([
  [100, 'joined'],
  [20, 'other'],
  [50, 'other'],
])('a radio in state %i: %s', async (State, state) => {
  expect((await seen([home()], { State })).ids).toBe(state);
});
