import type { WallClock } from '../../../agent/system/clock.ts';
import type { IotCore } from '../iot-core/types.ts';
import type { Credentials } from '../pki/types.ts';

/** What the backend uses of IoT Core: the registry, the Shadow service's data plane and rules. */
export type IotBackend = Pick<IotCore, 'hasThing' | 'shadow' | 'onMessage'>;

/** An API key of an organisation, as handed out at onboarding. */
export interface ApiKey {
  key: string;
  orgId: string;
  /** May claim for any organisation and reach every hub. */
  super?: boolean;
}

/** Who asks: what a valid credential stands for. */
export interface Principal {
  orgId: string;
  super: boolean;
}

/** What a bearer token is issued for. */
export interface TokenRequest {
  orgId: string;
  userId: string;
  super?: boolean;
  /** Seconds until `exp`; negative makes an expired token. Default one hour. */
  expiresInSeconds?: number;
}

/**
 * SendHubCommand to a hub that is offline. `refuse`: 502, as the API pages say. `store`: the command is written to the shadow all the
 * same, as the API's later public description says; the hub takes it when it comes back, or finds it expired.
 */
export type SendWhileOffline = 'refuse' | 'store';

export type HubStatus = 'Provisioned' | 'Claimed' | 'Suspended' | 'Decommissioned';

/** A claim as it is written to `desired.claim`; `claimedAt` is epoch milliseconds. */
export interface Claim {
  orgId: string;
  siteId: string;
  claimedBy: string;
  claimedAt: number;
}

/** A hub as the backend keeps it. */
export interface HubRecord {
  readonly hubId: string;
  readonly serial: string;
  readonly model: string;
  readonly thingName: string;
  readonly vendorName?: string;
  /** Epoch milliseconds. */
  readonly provisionedAt: number;
  status: HubStatus;
  claim: Claim | null;
  /** The first hub claimed for its site. */
  isPrimary: boolean;
  /** The number of the hub's events so far. */
  version: number;
}

/** The answer of `GET /hubs/{id}/status`. Times are epoch milliseconds; what is unknown is left out. */
export interface HubStatusAnswer {
  hubId: string;
  serial: string;
  model: string;
  thingName: string;
  status: HubStatus;
  orgId?: string;
  siteId?: string;
  isPrimary: boolean;
  provisionedAt: number;
  claimedAt?: number;
  online: boolean;
  lastSeen?: number;
  version?: string;
  uptimeSeconds?: number;
}

/** One answered request, for the demo and for tests. Neither headers nor bodies: both may carry secrets. */
export interface ApiRequestLine {
  method: string;
  path: string;
  /** HTTP status sent; null when the answer was lost on purpose. */
  status: number | null;
}

/** Faults on command. */
export interface CloudApiFaults {
  /** The next `count` requests are answered with this 4xx or 5xx status before anything is done. */
  fail(count: number, status: number): void;
  /** The next `count` requests are done, and the connection is reset in place of the answer. */
  loseAnswers(count: number): void;
  clear(): void;
}

export interface CloudApiOptions {
  iotCore: IotBackend;
  keys: readonly ApiKey[];
  /** HS256 secret of the bearer tokens. */
  jwtSecret: string;
  /** Times of events, and the judge of a token's `exp`. */
  wallClock: WallClock;
  host?: string;
  /** 0: any free port. */
  port?: number;
  /** With it, the same port answers TLS as well as plain HTTP. */
  tls?: Credentials;
  /** Default `refuse`. */
  sendWhileOffline?: SendWhileOffline;
  onRequest?: (line: ApiRequestLine) => void;
}

/** The twin of the public API. Hubs live in memory and outlast `stop`. */
export interface CloudApi {
  /** `http://host:port`, without a trailing slash. @throws Error before `start`. */
  readonly url: string;
  /** The same port over TLS. @throws Error before `start` or without a certificate. */
  readonly secureUrl: string;
  readonly faults: CloudApiFaults;
  /** Listens, and runs the presence rule. @throws Error when the port is taken. */
  start(): Promise<void>;
  /** Ends every connection at once and frees the port. */
  stop(): Promise<void>;
  /** A signed bearer token (JWT, HS256). */
  issueToken(request: TokenRequest): string;
  /** What the back office does: the public API has no call for it. Each is an event of the hub. @throws Error for an unknown hub. */
  setStatus(hubId: string, status: Exclude<HubStatus, 'Claimed'>): void;
}
