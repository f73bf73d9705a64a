import { type BusCall, BusError, type BusSignal } from './message-bus.ts';

/** The message bus itself. It owns this name for good, so no client can (D-Bus specification, "Message Bus Messages"). */
export const DAEMON_NAME = 'org.freedesktop.DBus';

/** The header of a signal, read before its body. `sender` is the unique name that the daemon writes in, never the client. */
export type SignalHead = Omit<BusSignal, 'body'>;

/**
 * Who owns a well-known name. Debian's policy lets any local user send a signal to any connection, past its match rules, so a signal is
 * NetworkManager's only when its sender is the connection that owns the name now.
 */
export interface NameOwners {
  /** Follows a name until `clear`. `ask` calls the daemon. @throws BusError */
  follow(name: string | undefined, ask: (call: Pick<BusCall, 'member' | 'signature' | 'body'>) => Promise<unknown[]>): Promise<void>;
  /** Takes every signal; those of the daemon tell of new owners. */
  hear(signal: SignalHead & { body: readonly unknown[] }): void;
  /** True when `sender` is who owns `name` now. */
  isOwner(name: string, sender: string): boolean;
  clear(): void;
}

const ownerRule = (name: string) =>
  `type='signal',sender='${DAEMON_NAME}',interface='${DAEMON_NAME}',member='NameOwnerChanged',arg0='${name}'`;

export function createNameOwners(): NameOwners {
  /** By name; null: it is asked for. Empty: without an owner. */
  const owners = new Map<string, string | null>();

  return {
    async follow(name, ask) {
      if (name === undefined || name === DAEMON_NAME || name.startsWith(':') || owners.has(name)) return;
      owners.set(name, null);
      try {
        await ask({ member: 'AddMatch', signature: 's', body: [ownerRule(name)] });
        const [owner] = await ask({ member: 'GetNameOwner', signature: 's', body: [name] }).catch((error: unknown) => {
          if (error instanceof BusError && error.type === `${DAEMON_NAME}.Error.NameHasNoOwner`) return [''];
          throw error;
        });
        // A change that was signalled meanwhile is as new as the answer, or newer.
        if (owners.get(name) === null) owners.set(name, String(owner));
      } catch (error) {
        owners.delete(name);
        throw error;
      }
    },

    hear({ sender, interface: iface, member, body: [name, , owner] }) {
      if (sender !== DAEMON_NAME || iface !== DAEMON_NAME || member !== 'NameOwnerChanged') return;
      if (typeof name === 'string' && typeof owner === 'string' && owners.has(name)) owners.set(name, owner);
    },

    isOwner: (name, sender) =>
      sender !== '' && (name === DAEMON_NAME || name.startsWith(':') ? sender === name : owners.get(name) === sender),

    clear: () => owners.clear(),
  };
}

const fieldOf = (rule: string, name: string) => new RegExp(`(?:^|,)${name}='([^']*)'`).exec(rule)?.[1];

/** The sender that a match rule names. */
export function senderOf(rule: string): string | undefined {
  return fieldOf(rule, 'sender');
}

/** The parts of a match rule that distinguish our subscriptions, its sender by the connection that owns the name. */
export function matcherOf(rule: string, owners: Pick<NameOwners, 'isOwner'>): (signal: SignalHead) => boolean {
  const [sender, path, name, member] = [senderOf(rule), fieldOf(rule, 'path'), fieldOf(rule, 'interface'), fieldOf(rule, 'member')];
  return (signal) =>
    (sender === undefined || owners.isOwner(sender, signal.sender ?? '')) &&
    (path === undefined || signal.path === path) &&
    (name === undefined || signal.interface === name) &&
    (member === undefined || signal.member === member);
}
