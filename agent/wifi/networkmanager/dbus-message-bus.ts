import type { EventEmitter } from 'node:events';
import type { MessageBus as DbusNextBus, Message } from '@jellybrick/dbus-next';
import type { MonotonicClock } from '../../system/clock.ts';
import type { Guard } from '../../system/guard.ts';
import { within } from '../../system/timeout.ts';
import { type BusCall, BusError, type BusSignal, type MessageBus, Variant } from './message-bus.ts';
import { createNameOwners, DAEMON_NAME, matcherOf, type SignalHead, senderOf } from './signal-sender.ts';

type Library = typeof import('@jellybrick/dbus-next');

/** The well-known place of the system bus (D-Bus specification, "System message bus"). */
export const SYSTEM_BUS_ADDRESS = 'unix:path=/run/dbus/system_bus_socket';

/** NetworkManager answers in milliseconds, a loaded hub in a second or two; the daemon itself never gives up on a call. */
const CALL_TIMEOUT_MS = 10_000;

const DAEMON = { destination: DAEMON_NAME, path: '/org/freedesktop/DBus', interface: DAEMON_NAME };

interface Connection {
  library: Library;
  bus: DbusNextBus;
  /** Rejects when the connection is lost. */
  lost: Promise<never>;
  lose(): void;
}

/** The message bus on dbus-next, which costs about 11 MB of memory and is loaded with the first call. */
export function createDbusMessageBus(deps: { address: string; clock: MonotonicClock; guard: Guard }): MessageBus {
  const lostListeners = new Set<() => void>();
  const subscriptions = new Set<{ matches: (signal: SignalHead) => boolean; listener: (signal: BusSignal) => void }>();
  const owners = createNameOwners();
  let connection: Promise<Connection> | null = null;

  async function connect(): Promise<Connection> {
    const mine = connection;
    const library = await import('@jellybrick/dbus-next');
    const bus = library.sessionBus({ busAddress: deps.address });
    let reject: (error: BusError) => void = () => {};
    const lost = new Promise<never>((_, no) => {
      reject = no;
    });
    lost.catch(() => {});
    let open = true;
    const lose = deps.guard('message bus', () => {
      if (!open) return;
      open = false;
      if (connection === mine) connection = null;
      bus.disconnect();
      reject(new BusError('disconnected'));
      subscriptions.clear();
      owners.clear();
      for (const listener of [...lostListeners]) deps.guard('message bus', listener)();
    });
    const onMessage = deps.guard('message bus', (message: Message) => {
      if (message.type !== library.MessageType.SIGNAL) return;
      owners.hear(message);
      const { sender, path, interface: name, member } = message;
      // Any user may send any signal to any connection, without regard to its match rules: a signal that was not asked for must cost as little as possible.
      const wanted = [...subscriptions].filter((each) => each.matches(message));
      if (wanted.length === 0) return;
      const signal: BusSignal = { sender, path, interface: name, member, body: unwrapped(library, message.body) as unknown[] };
      for (const each of wanted) deps.guard('bus signal', each.listener)(signal);
    });
    bus.on('message', onMessage);
    // The library keeps calls for ever once the stream ended, and reports the end only internally.
    (bus as unknown as { _connection?: EventEmitter })._connection?.on('end', lose);
    (bus as EventEmitter).on('error', lose);
    const made: Connection = { library, bus, lost, lose };
    const up = new Promise<void>((resolve) => bus.once('connect', resolve));
    await within(deps.clock, CALL_TIMEOUT_MS, Promise.race([up, lost]), () => {
      lose();
      throw new BusError('disconnected');
    });
    return made;
  }

  function connected(): Promise<Connection> {
    if (!connection) {
      const attempt = Promise.resolve().then(connect);
      connection = attempt;
      attempt.catch(() => {
        if (connection === attempt) connection = null;
      });
    }
    return connection;
  }

  async function send({ library, bus, lost, lose }: Connection, call: BusCall): Promise<unknown[]> {
    const late = (): never => {
      // A bus that does not answer for itself is dead; a service that does not may only be busy.
      if (call.destination === DAEMON.destination) lose();
      throw new BusError('timeout');
    };
    try {
      const message = new library.Message({ ...call, body: wrapped(library, call.body) as unknown[] });
      const reply: Message | null = await within(
        deps.clock,
        CALL_TIMEOUT_MS,
        Promise.race([withoutPool(() => bus.call(message)), lost]),
        late,
      );
      return unwrapped(library, reply?.body ?? []) as unknown[];
    } catch (error) {
      if (error instanceof BusError) throw error;
      // Text and stack of others stay behind: they may quote the body.
      throw new BusError(error instanceof library.DBusError ? error.type : 'unsendable');
    }
  }

  return {
    async call(call) {
      return send(await connected(), call);
    },

    async subscribe(rule, listener) {
      const live = await connected();
      const subscription = { matches: matcherOf(rule, owners), listener };
      subscriptions.add(subscription);
      try {
        await owners.follow(senderOf(rule), (call) => send(live, { ...DAEMON, ...call }));
        await send(live, { ...DAEMON, member: 'AddMatch', signature: 's', body: [rule] });
      } catch (error) {
        subscriptions.delete(subscription);
        throw error;
      }
      return () => {
        if (!subscriptions.delete(subscription)) return;
        send(live, { ...DAEMON, member: 'RemoveMatch', signature: 's', body: [rule] }).catch(() => {});
      };
    },

    onLost(listener) {
      lostListeners.add(listener);
      return () => lostListeners.delete(listener);
    },

    close() {
      connection?.then((live) => live.lose()).catch(() => {});
    },
  };
}

/**
 * Runs what is made of a call's body without Node's shared pool of small buffers: a password would stay there as long as any neighbour is in use.
 * A buffer of its own is freed with the next collection.
 */
function withoutPool<T>(run: () => T): T {
  const { poolSize } = Buffer;
  Buffer.poolSize = 0;
  try {
    return run();
  } finally {
    Buffer.poolSize = poolSize;
  }
}

/** Our variants as the library's. */
function wrapped(library: Library, value: unknown): unknown {
  if (value instanceof Variant) return new library.Variant(value.signature, wrapped(library, value.value));
  if (Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map((each) => wrapped(library, each));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, wrapped(library, each)]));
  }
  return value;
}

/** The library's variants as plain values. */
function unwrapped(library: Library, value: unknown): unknown {
  if (value instanceof library.Variant) return unwrapped(library, value.value);
  if (Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map((each) => unwrapped(library, each));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unwrapped(library, each)]));
  }
  return value;
}
