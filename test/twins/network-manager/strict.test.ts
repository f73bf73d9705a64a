import { type EventEmitter, once } from 'node:events';
import { Message, type MessageBus, sessionBus, Variant } from '@jellybrick/dbus-next';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { createFakeHub, type FakeHub } from './hub.ts';
import { hasDbusDaemon, type PrivateBus, serveNetworkManager, startPrivateBus } from './index.ts';
import { NAME, ROOT } from './refusal.ts';

const DEVICE = `${ROOT}/Devices/1`;
const UUID = '1f1b2c3d-0000-4000-8000-000000000001';
const v = (signature: string, value: unknown) => new Variant(signature, value);

function wifi(more: Record<string, Record<string, Variant> | undefined> = {}) {
  const body: Record<string, Record<string, Variant> | undefined> = {
    connection: { id: v('s', 'hub-agent x'), uuid: v('s', UUID), type: v('s', '802-11-wireless'), autoconnect: v('b', false) },
    '802-11-wireless': { ssid: v('ay', Buffer.from('office')), mode: v('s', 'infrastructure') },
    '802-11-wireless-security': { 'key-mgmt': v('s', 'wpa-psk'), psk: v('s', 'a good password') },
    ...more,
  };
  return Object.fromEntries(Object.entries(body).filter(([, setting]) => setting !== undefined));
}

describe.skipIf(!hasDbusDaemon())('the NetworkManager twin is as strict as NetworkManager 1.42', () => {
  let daemon: PrivateBus;
  let hub: FakeHub;
  let service: Awaited<ReturnType<typeof serveNetworkManager>>;
  let client: MessageBus;

  beforeEach(async () => {
    daemon = await startPrivateBus();
    const clock = createMonotonicClock();
    hub = createFakeHub(clock, { air: [] });
    service = await serveNetworkManager(daemon.address, hub, clock);
    client = sessionBus({ busAddress: daemon.address });
    await once(client as unknown as EventEmitter, 'connect');
  });

  afterEach(async () => {
    client.disconnect();
    service.stop();
    await daemon.stop();
  });

  const call = async (path: string, iface: string, member: string, signature = '', body: unknown[] = []): Promise<unknown[]> => {
    const message = new Message({ destination: NAME, path: ROOT + path, interface: iface, member, signature, body });
    return (await client.call(message))!.body;
  };
  const refused = (...args: Parameters<typeof call>) =>
    call(...args).then(
      () => 'done',
      (error: { type: string }) => error.type,
    );
  const add = (settings: object, flags = 0x22) =>
    refused('/Settings', `${NAME}.Settings`, 'AddConnection2', 'a{sa{sv}}ua{sv}', [settings, flags, {}]);

  test('calls of another shape, to objects and methods that are not there', async () => {
    expect(await refused('', NAME, 'CheckpointCreate', 'aou', [[DEVICE], 10])).toBe('org.freedesktop.DBus.Error.InvalidArgs');
    expect(await refused('', NAME, 'NoSuchMethod')).toBe('org.freedesktop.DBus.Error.UnknownMethod');
    expect(await refused('/Devices/9', `${NAME}.Device.Wireless`, 'GetAllAccessPoints')).toBe('org.freedesktop.DBus.Error.UnknownObject');
    expect(await refused('/Devices/1', NAME, 'GetDevices')).toBe('org.freedesktop.DBus.Error.UnknownObject');
    const get = (...body: string[]) => refused('', 'org.freedesktop.DBus.Properties', 'Get', 'ss', body);
    expect(await get(NAME, 'NoSuchProperty')).toBe('org.freedesktop.DBus.Error.InvalidArgs');
    expect(await get(`${NAME}.NoSuch`, 'State')).toBe('org.freedesktop.DBus.Error.UnknownInterface');
    expect(service.rejected).toHaveLength(3);
  });

  test.each([
    ['an SSID of 33 bytes', { '802-11-wireless': { ssid: v('ay', Buffer.alloc(33, 97)) } }, 'InvalidProperty'],
    ['no SSID', { '802-11-wireless': { mode: v('s', 'infrastructure') } }, 'MissingProperty'],
    ['an SSID that is text', { '802-11-wireless': { ssid: v('s', 'office') } }, 'InvalidProperty'],
    ['no connection', { connection: undefined }, 'MissingSetting'],
    ['a short password', { '802-11-wireless-security': { 'key-mgmt': v('s', 'wpa-psk'), psk: v('s', 'short') } }, 'InvalidProperty'],
    ['no key management', { '802-11-wireless-security': { psk: v('s', 'a good password') } }, 'MissingProperty'],
    ['an unknown property', { ipv4: { method: v('s', 'auto'), metod: v('s', 'auto') } }, 'InvalidProperty'],
    ['an unknown IP method', { ipv6: { method: v('s', 'ignored') } }, 'InvalidProperty'],
  ])('a profile with %s is refused before anything changes', async (_what, more, kind) => {
    expect(await add(wifi(more))).toBe(`${NAME}.Settings.Connection.${kind}`);
    expect(hub.profiles()).toEqual([]);
  });

  test('a uuid twice, flags that contradict each other, and the secret is told to nobody', async () => {
    expect(await add(wifi(), 0x3)).toBe(`${NAME}.Settings.InvalidArguments`);
    expect(await add(wifi())).toBe('done');
    expect(await add(wifi())).toBe(`${NAME}.Settings.UuidExists`);
    const [settings] = await call(hub.profiles()[0]!.path, `${NAME}.Settings.Connection`, 'GetSettings');
    expect(Object.keys((settings as Record<string, object>)['802-11-wireless-security']!)).toEqual(['key-mgmt']);
    expect(hub.profiles()[0]).toMatchObject({ place: 'memory', blocked: true });
  });

  test('checkpoints: flag 0x04 with a device fails, a second one needs 0x01', async () => {
    const create = (flags: number) => refused('', NAME, 'CheckpointCreate', 'aouu', [[DEVICE], 60, flags]);
    expect(await create(0x06)).toBe(`${NAME}.InvalidArguments`);
    expect(await create(0x02)).toBe('done');
    expect(await create(0x02)).toBe(`${NAME}.Failed`);
    expect(await create(0x03)).toBe('done');
    hub.endCheckpoint(hub.checkpoint()!);
  });

  test('what polkit does not allow is refused, not only listed', async () => {
    hub.world.missing = [`${NAME}.checkpoint-rollback`, `${NAME}.settings.modify.system`];
    expect(await refused('', NAME, 'CheckpointCreate', 'aouu', [[DEVICE], 60, 2])).toBe(`${NAME}.PermissionDenied`);
    expect(await add(wifi())).toBe(`${NAME}.PermissionDenied`);
    expect(hub.checkpoint()).toBeNull();
  });
});
