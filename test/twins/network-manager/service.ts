import type { EventEmitter } from 'node:events';
import { Message, type MessageBus, MessageType, sessionBus, type Variant } from '@jellybrick/dbus-next';
import type { MonotonicClock } from '../../../agent/system/clock.ts';
import type { FakeHub } from './hub.ts';
import { methodsOf } from './methods.ts';
import { propertiesOf, root } from './properties.ts';
import { busRefusal, errorTypeOf, NAME, ROOT, refusal } from './refusal.ts';

/** RequestName's flag: do not wait for the name in a queue (D-Bus specification, `DBUS_NAME_FLAG_DO_NOT_QUEUE`). */
const DO_NOT_QUEUE = 4;
const PROPERTIES = 'org.freedesktop.DBus.Properties';

/**
 * NetworkManager's D-Bus API, as far as the agent uses it, in front of a fake hub. Names, paths, signatures, flags, permissions and
 * profiles are checked as NetworkManager 1.42 checks them; what it would refuse is refused with its error.
 */
export async function serveNetworkManager(address: string, hub: FakeHub, clock: MonotonicClock) {
  const bus = sessionBus({ busAddress: address });
  await new Promise<void>((resolve, reject) => (bus as EventEmitter).once('connect', resolve).once('error', reject));
  await bus.requestName(NAME, DO_NOT_QUEUE);
  const methods = methodsOf(hub, clock);
  const rejected: string[] = [];
  let deviceState = hub.device.state;

  const tell: Parameters<typeof hub.listeners.add>[0] = (event) => {
    if (event.type === 'device_state') {
      signal(bus, root(hub.device.path), `${NAME}.Device`, 'uuu', [event.state, deviceState, event.reason]);
      deviceState = event.state;
    }
    if (event.type === 'active_state') signal(bus, root(event.active), `${NAME}.Connection.Active`, 'uu', [event.state, 0]);
  };
  hub.listeners.add(tell);

  function reply(message: Message): [string, unknown[]] {
    const path = message.path!.slice(ROOT.length);
    const signature = message.signature ?? '';
    const wrongShape = (expected: string) =>
      busRefusal('InvalidArgs', `${message.interface}.${message.member} takes "${expected}", not "${signature}"`);
    if (message.interface === PROPERTIES && (message.member === 'Get' || message.member === 'GetAll')) {
      const expected = message.member === 'Get' ? 'ss' : 's';
      if (signature !== expected) throw wrongShape(expected);
      const [iface, name] = message.body as [string, string];
      const all: Record<string, Variant> = propertiesOf(hub, path, iface);
      if (message.member === 'GetAll') return ['a{sv}', [all]];
      const value = all[name];
      if (!value) throw busRefusal('InvalidArgs', `${iface} has no property ${name}`);
      return ['v', [value]];
    }
    const method = methods.get(`${message.interface}.${message.member}`);
    if (!method) throw busRefusal('UnknownMethod', `no method ${message.interface}.${message.member}`);
    if (signature !== method.takes) throw wrongShape(method.takes);
    if (method.action && hub.world.missing.includes(`${NAME}.${method.action}`)) throw refusal('PermissionDenied', method.action);
    return [method.gives, method.run(path, message.body)];
  }

  bus.addMethodHandler((message: Message) => {
    if (message.type !== MessageType.METHOD_CALL || !message.path?.startsWith(ROOT)) return false;
    try {
      bus.send(Message.newMethodReturn(message, ...reply(message)));
    } catch (error) {
      const type = errorTypeOf(error);
      if (type.endsWith('.InvalidArgs') || type.endsWith('.UnknownMethod')) rejected.push((error as Error).message);
      // NetworkManager's own texts may quote a value: no reader may repeat them.
      bus.send(Message.newError(message, type, 'a text that may quote the password'));
    }
    return true;
  });

  return {
    /** Calls of a shape that NetworkManager does not know: a fault of the caller's code, whatever the answer. */
    rejected,
    /** Leaves the bus, as a NetworkManager that stops does. */
    stop() {
      hub.listeners.delete(tell);
      bus.disconnect();
    },
  };
}

function signal(bus: MessageBus, path: string, iface: string, signature: string, body: unknown[]): void {
  bus.send(Message.newSignal(path, iface, 'StateChanged', signature, body));
}
