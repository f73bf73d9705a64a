import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHubError } from '../../../../agent/system/errors.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import { BusError } from '../../../../agent/wifi/networkmanager/message-bus.ts';
import type { NetworkManager, ProfileSettings } from '../../../../agent/wifi/networkmanager/network-manager.ts';
import { createNetworkManager } from '../../../../agent/wifi/networkmanager/nm-dbus.ts';
import { createFakeBus } from '../fake-bus.ts';

const SEED = 20_261_128;
const RUNS = 500;
const DEVICE = '/org/freedesktop/NetworkManager/Devices/3';
/** The largest list that `nm-dbus.ts` returns. */
const MAX_ROWS = 256;
/** Of nested arrays and structs together (D-Bus specification, "Valid Signatures"); variants nest as far. */
const MAX_DEPTH = 64;

const PROFILE: ProfileSettings = {
  id: 'hub-agent office',
  uuid: '0d3e9d6a-0000-4000-8000-000000000000',
  interfaceName: 'wlan1',
  ssid: Buffer.from('office'),
  hidden: false,
  security: 'wpa-psk',
  secret: new Secret('a password'),
  autoconnect: false,
  autoconnectPriority: 10,
};

/** What NetworkManager answers when all is well. */
const RIGHT: Record<string, unknown[]> = {
  GetDevices: [[DEVICE]],
  GetPermissions: [{ 'org.freedesktop.NetworkManager.network-control': 'yes' }],
  GetAllAccessPoints: [['/ap/1', '/ap/2']],
  RequestScan: [],
  ListConnections: [['/profile/1']],
  GetSettings: [
    {
      connection: { type: '802-11-wireless', id: 'office', uuid: 'u', autoconnect: false, 'autoconnect-priority': 10 },
      '802-11-wireless': { ssid: Buffer.from('office') },
      '802-11-wireless-security': { 'key-mgmt': 'wpa-psk' },
    },
  ],
  CheckpointCreate: ['/checkpoint/1'],
  CheckpointRollback: [{ [DEVICE]: 0 }],
  CheckpointDestroy: [],
  AddConnection2: ['/profile/2', {}],
  Update2: [{}],
  Reapply: [],
  Delete: [],
  ActivateConnection: ['/active/4'],
  'Device.*': [{ DeviceType: 2, Interface: 'wlan1', State: 100 }],
  'Device.State': [100],
  'Device.Ip4Config': ['/ip4/1'],
  'Device.Ip6Config': ['/ip6/1'],
  'Device.ActiveConnection': ['/active/4'],
  'NetworkManager.*': [{ WirelessEnabled: true, WirelessHardwareEnabled: true }],
  'NetworkManager.PrimaryConnection': ['/active/4'],
  'NetworkManager.Checkpoints': [['/checkpoint/1']],
  'AccessPoint.*': [{ Ssid: Buffer.from('office'), Strength: 70, Flags: 1, WpaFlags: 0, RsnFlags: 0x188 }],
  'Wireless.ActiveAccessPoint': ['/ap/1'],
  'Wireless.LastScan': [123_456n],
  'Connection.Unsaved': [false],
  'Active.Uuid': ['u'],
  'Active.State': [2],
  'Active.Devices': [[DEVICE]],
  'Checkpoint.*': [{ Devices: [DEVICE], RollbackTimeout: 60 }],
  'IP4Config.*': [{ AddressData: [{ address: '192.0.2.7', prefix: 24 }], Gateway: '192.0.2.1' }],
  'IP6Config.*': [{ AddressData: [{ address: 'fe80::1' }, { address: '2001:db8::7' }], Gateway: '' }],
};

const CALLS: Record<string, (manager: NetworkManager) => Promise<unknown>> = {
  wifiDevices: (manager) => manager.wifiDevices(),
  deviceState: (manager) => manager.deviceState(DEVICE),
  radio: (manager) => manager.radio(),
  missingPermissions: (manager) => manager.missingPermissions(),
  accessPoints: (manager) => manager.accessPoints(DEVICE),
  activeAccessPoint: (manager) => manager.activeAccessPoint(DEVICE),
  requestScan: (manager) => manager.requestScan(DEVICE, PROFILE.ssid),
  lastScan: (manager) => manager.lastScan(DEVICE),
  wifiProfiles: (manager) => manager.wifiProfiles(),
  activeProfile: (manager) => manager.activeProfile(DEVICE),
  activeState: (manager) => manager.activeState('/active/4'),
  uplinkDevice: (manager) => manager.uplinkDevice(),
  ipv4: (manager) => manager.ipv4(DEVICE),
  ipv6: (manager) => manager.ipv6(DEVICE),
  createCheckpoint: (manager) => manager.createCheckpoint(DEVICE, 60),
  checkpoints: (manager) => manager.checkpoints(),
  rollBack: (manager) => manager.rollBack('/checkpoint/1'),
  destroyCheckpoint: (manager) => manager.destroyCheckpoint('/checkpoint/1'),
  addProfile: (manager) => manager.addProfile(PROFILE),
  holdProfile: (manager) => manager.holdProfile('/profile/2', PROFILE),
  reapply: (manager) => manager.reapply(DEVICE),
  saveProfile: (manager) => manager.saveProfile('/profile/2', PROFILE),
  deleteProfile: (manager) => manager.deleteProfile('/profile/2'),
  activate: (manager) => manager.activate('/profile/2', DEVICE),
};

/** Keys that decide something here, or that every object inherits. */
const keys = fc.oneof(
  fc.constantFrom('connection', 'type', 'id', 'uuid', '802-11-wireless', 'ssid', 'address', 'Ssid', 'State', 'DeviceType', DEVICE),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'valueOf', 'toJSON', 'then', 'length'),
  fc.string({ maxLength: 8 }),
);
const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', '/', '.', '\0', 'x'.repeat(100_000), DEVICE, '802-11-wireless'),
  fc.boolean(),
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(null, undefined),
);
/** As the library hands a dictionary on: any key of it is an own one. */
const dictionary = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(keys, value), { maxLength: 6 }).map((entries) => Object.fromEntries(entries));
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof({ maxDepth: 5 }, scalar, fc.array(tie('tree'), { maxLength: 5 }), dictionary(tie('tree'))),
}));
const deep = fc.tuple(tree, keys, fc.boolean()).map(([core, key, listed]) => {
  let value = core;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) value = listed ? [value] : Object.fromEntries([[key, value]]);
  return value;
});
const wide = fc
  .tuple(scalar, fc.integer({ min: 200, max: 2_000 }), fc.boolean())
  .map(([each, length, listed]) => (listed ? Array(length).fill(each) : Object.fromEntries(Array.from({ length }, (_, at) => [at, each]))));
const hostile = fc.oneof({ weight: 6, arbitrary: tree }, { weight: 1, arbitrary: deep }, { weight: 1, arbitrary: wide });

/** The right reply with one of its parts replaced, or left out. */
function spoilt(value: unknown, path: readonly number[], part: unknown): unknown {
  const [at, ...rest] = path;
  if (at === undefined || value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return part;
  const entries = Object.entries(value);
  if (entries.length === 0) return part;
  const [key, inner] = entries[at % entries.length]!;
  const next = [...entries.filter(([name]) => name !== key), ...(part === undefined ? [] : [[key, spoilt(inner, rest, part)]])];
  return Array.isArray(value) ? next.map(([, each]) => each) : Object.fromEntries(next);
}

const errors = fc.oneof(
  fc.constantFrom('timeout', 'disconnected', 'unsendable', '', 'org.freedesktop.DBus.Error.UnknownObject'),
  fc.constantFrom('AccessDenied', 'NoReply', 'SpawnX', '').map((name) => `org.freedesktop.DBus.Error.${name}`),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

/** A whole NetworkManager: each of its replies right, spoilt, of another kind, an error, or missing. */
const reply = (right: unknown[]): fc.Arbitrary<unknown[] | BusError> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(right) },
    {
      weight: 5,
      arbitrary: fc.tuple(fc.array(fc.nat(9), { maxLength: 4 }), hostile).map(([path, part]) => [spoilt(right[0], path, part)]),
    },
    { weight: 3, arbitrary: hostile.map((value) => [value]) },
    { weight: 1, arbitrary: fc.constant<unknown[]>([]) },
    { weight: 1, arbitrary: errors.map((type) => new BusError(type)) },
  );
const manager = fc
  .tuple(...Object.values(RIGHT).map(reply))
  .map((replies) => Object.fromEntries(Object.keys(RIGHT).map((key, at) => [key, replies[at]!])));

/** What a caller may rely on: texts, finite numbers, booleans, bytes, bounded lists, records with only the keys that they always have. */
function expectPlain(value: unknown): void {
  if (Array.isArray(value)) {
    expect(value.length).toBeLessThanOrEqual(MAX_ROWS);
    for (const each of value) expectPlain(each);
  } else if (value !== null && typeof value === 'object' && !Buffer.isBuffer(value)) {
    for (const each of Object.values(value)) expectPlain(each);
  } else if (typeof value === 'number') {
    expect(Number.isFinite(value)).toBe(true);
  } else {
    expect(value === null || Buffer.isBuffer(value) || ['string', 'boolean', 'undefined'].includes(typeof value)).toBe(true);
  }
}

test(`Whatever NetworkManager replies, each call ends in a value of its type or an error of the agent (seed ${SEED}, ${RUNS} runs)`, async () => {
  const ends = { values: 0, errors: 0 };
  await fc.assert(
    fc.asyncProperty(manager, async (answers) => {
      const nm = createNetworkManager(createFakeBus(answers));
      for (const [name, call] of Object.entries(CALLS)) {
        try {
          expectPlain(await call(nm));
          ends.values += 1;
        } catch (error) {
          if (!isHubError(error)) throw new Error(`${name} threw past its callers`, { cause: error });
          ends.errors += 1;
        }
      }
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(ends.values + ends.errors).toBe(RUNS * Object.keys(CALLS).length);
  // The property is of worth only where both ends are common.
  expect(Math.min(ends.values, ends.errors)).toBeGreaterThan(RUNS);
}, 120_000);

test(`Whatever a signal carries, the listener gets an event of its type (seed ${SEED}, ${RUNS} runs)`, async () => {
  const signals = [
    ['org.freedesktop.NetworkManager.Device', 'StateChanged'],
    ['org.freedesktop.NetworkManager.Connection.Active', 'StateChanged'],
    ['org.freedesktop.DBus', 'NameOwnerChanged'],
  ] as const;
  let heard = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...signals), fc.array(hostile, { maxLength: 4 }), async ([name, member], body) => {
      const bus = createFakeBus({});
      const end = await createNetworkManager(bus).watch(DEVICE, (event) => {
        heard += 1;
        expectPlain(event);
      });
      bus.emit({ interface: name, member, path: DEVICE, body });
      end();
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(heard).toBeGreaterThan(RUNS / 3);
}, 120_000);
