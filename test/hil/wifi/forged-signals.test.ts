import type { EventEmitter } from 'node:events';
import { Message, type MessageBus, MessageType, sessionBus } from '@jellybrick/dbus-next';
import { afterEach, expect, test } from 'vitest';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { unguarded } from '../../../agent/system/guard.ts';
import { createDbusMessageBus } from '../../../agent/wifi/networkmanager/dbus-message-bus.ts';
import type { LinkEvent } from '../../../agent/wifi/networkmanager/network-manager.ts';
import { createNetworkManager } from '../../../agent/wifi/networkmanager/nm-dbus.ts';
import { hasDbusDaemon, startPrivateBus } from '../../twins/network-manager/index.ts';

const NAME = 'org.freedesktop.NetworkManager';
const DEVICE = '/org/freedesktop/NetworkManager/Devices/3';
const ACTIVE = '/org/freedesktop/NetworkManager/ActiveConnection/4';
const DAEMON = 'org.freedesktop.DBus';
const running: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

async function connectTo(address: string): Promise<MessageBus> {
  const bus = sessionBus({ busAddress: address });
  await new Promise<void>((resolve, reject) => (bus as EventEmitter).once('connect', resolve).once('error', reject));
  running.push(() => bus.disconnect());
  return bus;
}

/** Sends a signal; to one connection, or to all that asked for it. */
function tell(bus: MessageBus, path: string, iface: string, member: string, signature: string, body: unknown[], destination?: string) {
  bus.send(new Message({ type: MessageType.SIGNAL, path, interface: iface, member, signature, body, ...(destination && { destination }) }));
}

const deviceState = (bus: MessageBus, state: number, destination?: string) =>
  tell(bus, DEVICE, `${NAME}.Device`, 'StateChanged', 'uuu', [state, 0, 7], destination);

async function start() {
  const daemon = await startPrivateBus();
  running.push(() => daemon.stop());
  const manager = await connectTo(daemon.address);
  await manager.requestName(NAME, 4);
  const stranger = await connectTo(daemon.address);
  const before = await namesOf(stranger);
  const networkManager = createNetworkManager(
    createDbusMessageBus({ address: daemon.address, guard: unguarded, clock: createMonotonicClock() }),
  );
  running.push(() => networkManager.close());
  const events: LinkEvent[] = [];
  const heard = { resolve: () => {} };
  await networkManager.watch(DEVICE, (event) => {
    events.push(event);
    heard.resolve();
  });
  const [agent] = (await namesOf(stranger)).filter((name) => !before.includes(name));
  /** What the agent hears up to a state that NetworkManager tells. The bus keeps the order of one sender; `send` returns when the daemon has it. */
  async function until(sender: MessageBus, state: number): Promise<LinkEvent[]> {
    await namesOf(stranger);
    const told = new Promise<void>((resolve) => {
      heard.resolve = () => events.some((event) => event.type === 'device_state' && event.state === state) && resolve();
    });
    deviceState(sender, state);
    await told;
    return events;
  }
  return { manager, stranger, agent: agent!, until, connect: () => connectTo(daemon.address) };
}

/** The unique names on the bus; the daemon has then taken everything that `bus` sent before. */
async function namesOf(bus: MessageBus): Promise<string[]> {
  const call = new Message({ destination: DAEMON, path: '/org/freedesktop/DBus', interface: DAEMON, member: 'ListNames' });
  const reply = await bus.call(call);
  return (reply!.body[0] as string[]).filter((name) => name.startsWith(':'));
}

const withDaemon = test.skipIf(!hasDbusDaemon());

withDaemon('signals of another client count for nothing: a failed device, an ended connection, a NetworkManager that left', async () => {
  const { manager, stranger, agent, until } = await start();
  deviceState(stranger, 120, agent);
  deviceState(stranger, 120);
  tell(stranger, ACTIVE, `${NAME}.Connection.Active`, 'StateChanged', 'uu', [4, 0], agent);
  tell(stranger, '/org/freedesktop/DBus', DAEMON, 'NameOwnerChanged', 'sss', [NAME, ':1.0', ''], agent);
  expect(await until(manager, 100)).toEqual([{ type: 'device_state', state: 100, reason: 7 }]);
});

withDaemon('a client cannot make itself the owner by saying so', async () => {
  const { manager, stranger, agent, until } = await start();
  tell(
    stranger,
    '/org/freedesktop/DBus',
    DAEMON,
    'NameOwnerChanged',
    'sss',
    [NAME, '', (stranger as unknown as { name: string }).name],
    agent,
  );
  deviceState(stranger, 120, agent);
  expect(await until(manager, 70)).toEqual([{ type: 'device_state', state: 70, reason: 7 }]);
});

withDaemon('NetworkManager leaves and comes back under another connection: the new one is believed, the old one no more', async () => {
  const { manager, agent, until, connect } = await start();
  await manager.releaseName(NAME);
  const next = await connect();
  await next.requestName(NAME, 4);
  deviceState(manager, 120, agent);
  await namesOf(manager);
  expect(await until(next, 100)).toEqual([{ type: 'manager_gone' }, { type: 'device_state', state: 100, reason: 7 }]);
});
