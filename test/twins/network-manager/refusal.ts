import { NetworkManagerError } from '../../../agent/wifi/networkmanager/network-manager.ts';

/** NetworkManager's well-known name, and the start of its interfaces and errors. */
export const NAME = 'org.freedesktop.NetworkManager';
/** The start of its object paths. */
export const ROOT = '/org/freedesktop/NetworkManager';

const DBUS_ERROR = 'org.freedesktop.DBus.Error';

/** A call that NetworkManager refuses; `type` is the D-Bus error name. */
export class Refusal extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** An object, method or property that is not there, or a call of another shape (D-Bus specification, "Standard error names"). */
export function busRefusal(kind: 'InvalidArgs' | 'UnknownMethod' | 'UnknownObject' | 'UnknownInterface', message: string): Refusal {
  return new Refusal(`${DBUS_ERROR}.${kind}`, message);
}

/** A refusal by NetworkManager itself: `Settings.Connection.InvalidProperty`, `PermissionDenied`, … */
export function refusal(kind: string, message: string): Refusal {
  return new Refusal(`${NAME}.${kind}`, message);
}

/** The D-Bus error name of anything that a call threw. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof Refusal) return error.type;
  if (error instanceof NetworkManagerError && error.problem === 'unknown_object') return `${DBUS_ERROR}.UnknownObject`;
  return `${NAME}.Failed`;
}
