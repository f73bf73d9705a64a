import type { DownReason } from '../../contract/cloud.ts';
import type { ShadowUpdate, ShadowView } from '../../contract/shadow.ts';

export interface Down {
  reason: DownReason;
  /** What the library or the server said, for the log. */
  detail: string;
  /** The library may have given up before it touched the network; its duration shows which. */
  unsent?: boolean;
  /** The server named a packet of ours as the reason: what was under way may end each link. */
  accuses?: boolean;
}

/** One way to the endpoint. */
export interface Target {
  host: string;
  /** AWS IoT: 8883, or 443 with ALPN `x-amzn-mqtt-ca` (the SDK offers it on every port). */
  port: number;
}

export interface Will {
  topic: string;
  payload: string;
}

export interface ConnectOptions {
  target: Target;
  clientId: string;
  keepAliveSeconds: number;
  will: Will;
}

/** The events of a link. `onDown` may be called from inside `close()`, everything else comes from the event loop. */
export interface LinkHandlers {
  /** CONNACK with success. */
  onUp(): void;
  /** Once, whether the link never came up or fell later. */
  onDown(down: Down): void;
  /** `retained`: replayed from the broker's memory on subscribing, not news. */
  onMessage(topic: string, payload: Buffer, retained: boolean): void;
  onDelta(view: ShadowView): void;
  /** A message of the Shadow service that could not be read. */
  onUnreadable(what: string): void;
}

/**
 * One MQTT session with its shadow operations. Rejects with HubError: `cloud_disconnected`, `cloud_timeout` (it is not known whether it was
 * done), `cloud_refused`, `shadow_conflict`, `shadow_not_found`, `shadow_throttled`.
 */
export interface Link {
  /** QoS 1; resolves with the PUBACK. */
  publish(topic: string, payload: string, options?: { retain?: boolean }): Promise<void>;
  /** Resolves with the SUBACK. `qos`: of what comes (default 1). */
  subscribe(filter: string, qos?: 0 | 1): Promise<void>;
  /**
   * Subscribes to the shadow's deltas, and unless `alone` in the same packet to the answers that the first shadow request needs. Resolves when the
   * subscription to the deltas stands. What is subscribed to without a wait in between is one packet.
   */
  openDeltas(options?: { alone?: boolean }): Promise<void>;
  readShadow(): Promise<ShadowView>;
  /** Resolves with the new version. */
  updateShadow(update: ShadowUpdate): Promise<number>;
  /**
   * Ends the link with a DISCONNECT; bounded in time. The will is published (MQTT 5, 3.14.2.1, 0x04) unless `silently`: then the session has
   * published `offline` already, and that was acknowledged.
   */
  close(options?: { silently?: boolean }): Promise<void>;
}

/** Makes links. A link is one connection: it never reconnects by itself, so that each has its own session id and will. */
export interface Transport {
  connect(options: ConnectOptions, handlers: LinkHandlers): Link;
}
