import type * as z from 'zod';
import type { TlsCredentials } from '../contract/tls.ts';
import type { identitySchema } from './identity-schema.ts';
import type { ConfigProblem } from './problems.ts';
import type { AgentDocument } from './rules.ts';

/** `identity.json` after the schema. */
export type IdentityDocument = z.output<typeof identitySchema>;

/** Who the hub is, with absolute paths. */
export type HubIdentity = Omit<IdentityDocument, '$schema' | 'thingName'> & {
  /** `hubId` unless `identity.json` says otherwise. */
  thingName: string;
};

type BusDocument = AgentDocument['buses'][number];

/** An OSDP bus with absolute paths and every address spelled out, in the order of the file. */
export type OsdpBusConfig = Omit<BusDocument & { protocol: 'osdp' }, 'addresses' | 'keysPath'> & {
  addresses: number[];
  keysPath: string | null;
};

/** A Zigbee bus with an absolute path. */
export type ZigbeeBusConfig = BusDocument & { protocol: 'zigbee' };

export type BusConfig = OsdpBusConfig | ZigbeeBusConfig;

/** The whole configuration: defaults filled in, all paths absolute, ranges expanded. Units are in the names. */
export type AgentConfig = Omit<AgentDocument, '$schema' | 'buses' | 'wifi'> & {
  identity: HubIdentity;
  buses: BusConfig[];
  wifi: Omit<AgentDocument['wifi'], 'interface'> & {
    /** Null: the first Wi-Fi interface found. */
    interface: string | null;
  };
  /** What the files of certificate, key and authorities held when they were checked: to be used in place of them. */
  tls: TlsCredentials;
  /** The end of the hub's certificate. */
  certificateExpiresAt: Date;
  /** What is doubtful but does not stop the agent, such as a clock that is not set yet: to be logged. */
  warnings: ConfigProblem[];
};
