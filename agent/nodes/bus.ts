import type { AddressChange, Identified, Rekeyed, Rekeying } from '../contract/maintenance.ts';
import type { BusStatus, Node } from '../contract/node.ts';
import type { BusTrace } from '../contract/trace.ts';

/** The events of a bus while it runs. `node` comes with every change of what is known of a node except `lastSeen`, which moves with every answer. */
export type BusEvent =
  | { kind: 'node'; node: Node }
  /** A device left the network: its node is no more. Silence is something else. */
  | { kind: 'gone'; address: string }
  | { kind: 'status'; status: BusStatus }
  | { kind: 'scan_complete' };

/** What root may do with the nodes of a bus. Errors are those of `agent/contract/maintenance.ts` `NodeMaintenance`. */
export interface BusMaintenance {
  identify(address: string, seconds: number, signal: AbortSignal): Promise<Identified['by']>;
  /** Forgets what is known of an address. One that answers is new at its next answer. */
  forget(address: string): void;
  setAddress(change: AddressChange, signal: AbortSignal): Promise<{ baudRate: number; proven: boolean }>;
  rekey(asked: Rekeying, onDone: (one: Rekeyed) => void, signal: AbortSignal): Promise<Rekeyed[]>;
}

/** A protocol's bus: everything above it is the same for all protocols. */
export interface NodeBus {
  readonly id: string;
  readonly protocol: 'osdp' | 'zigbee';
  /** Begins to look for nodes and to follow them. Returns at once; a port that is missing is no error but a status. */
  start(): void;
  /** Ends everything within two seconds. The bus can be started again. */
  stop(): Promise<void>;
  status(): BusStatus;
  /** Every node that answered since the bus was created; those gone silent too. `firstSeen` is the first answer since then. */
  nodes(): Node[];
  /** True when the node there does not tell who it is although it was asked: it need not be the one that was known there. */
  refusesIdentity?(address: string): boolean;
  /** Why a node cannot be forgotten, with the way that ends it; null: it can. Absent: each can. */
  cannotForget?(address: string): string | null;
  /** True once every address was asked since start. */
  scanComplete(): boolean;
  /** Resolves after a full scan pass that begins after this call. @throws HubError `bus_unavailable`, `aborted`. */
  refresh(signal: AbortSignal): Promise<void>;
  /** Returns the unsubscriber. */
  onEvent(listener: (event: BusEvent) => void): () => void;
  /** Absent: the protocol, or the bus as it stands, has nothing of it. */
  readonly maintenance?: BusMaintenance;
  /** Shows every frame, where the protocol has some to show. Returns the unsubscriber. */
  onTrace?(listener: (trace: BusTrace) => void): () => void;
}
