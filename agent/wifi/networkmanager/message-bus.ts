/** A D-Bus value with its own signature (`v`). */
export class Variant {
  readonly signature: string;
  readonly value: unknown;

  constructor(signature: string, value: unknown) {
    this.signature = signature;
    this.value = value;
  }
}

/** A method call. Variants in the body are `Variant`s. */
export interface BusCall {
  destination: string;
  path: string;
  interface: string;
  member: string;
  /** D-Bus signature of the body; empty for none. */
  signature: string;
  body: unknown[];
}

/** A signal, its variants unwrapped. */
export interface BusSignal {
  sender: string;
  path: string;
  interface: string;
  member: string;
  body: unknown[];
}

/**
 * A failed call. `type` is D-Bus's error name, or `timeout` (no reply in time) or `disconnected` (no bus, or the bus was lost). It has no
 * text of the other side: that may quote the body, and the body may hold a password.
 */
export class BusError extends Error {
  readonly type: string;

  constructor(type: string) {
    super(`D-Bus: ${type}`);
    this.name = 'BusError';
    this.type = type;
  }
}

/** A connection to a message bus as a port. It connects with the first call, and again with the next call after it was lost. */
export interface MessageBus {
  /** The reply's body, its variants unwrapped. @throws BusError */
  call(call: BusCall): Promise<unknown[]>;
  /** Delivers the signals of a match rule until the returned function is called. @throws BusError */
  subscribe(rule: string, listener: (signal: BusSignal) => void): Promise<() => void>;
  /** Called when the connection is lost; subscriptions end with it. Returns the way to stop listening. */
  onLost(listener: () => void): () => void;
  close(): void;
}
