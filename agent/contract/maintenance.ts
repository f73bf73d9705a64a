import type { Node } from './node.ts';

/** What root does with single nodes over the control socket of the hub. None of it is a command of the cloud. */
export interface NodeMaintenance {
  /** Has the node show where it is for some seconds. @throws HubError `node_unknown`, `node_silent`, `node_refused`, `bus_unavailable`, `busy`, `aborted` */
  identify(nodeId: string, seconds: number, signal: AbortSignal): Promise<Identified>;
  /**
   * What is remembered of the node is forgotten, its alarms too. One that answers is new when it answers next.
   * @throws HubError `node_unknown`; `node_refused` for one that is paired, with the command that sends it away
   */
  forget(nodeId: string): Promise<Node>;
  /**
   * Gives a peripheral another address, and another rate when one is named. The target is looked at first.
   * @throws HubError `invalid_args`, `node_silent`, `node_refused`, `address_taken`, `bus_unavailable`, `busy`, `aborted`
   */
  setAddress(bus: string, change: AddressChange, signal: AbortSignal): Promise<AddressChanged>;
  /**
   * Gives a peripheral a fresh random key, or each that answers. `onDone` is called for each. When `signal` aborts, no further one is begun.
   * @throws HubError `invalid_args`, `node_silent`, `bus_unavailable`, `busy`
   */
  rekey(bus: string, asked: Rekeying, onDone: (one: Rekeyed) => void, signal: AbortSignal): Promise<Rekeyed[]>;
}

export interface Rekeying {
  /** Null: each that answers. */
  address: number | null;
  /** They may have the public default key, as new and reset ones have. */
  defaultKey: boolean;
}

/**
 * How it ended. `rekeyed`: the new key is proven. `refused`: the peripheral takes no keys. `not_taken`: it still has the old key; the new one is
 * stored, and is sent again by the next attempt. `unproven`: neither opened it yet; both are stored. `unsecured`: no known key opens a channel to
 * begin with. `not_stored`: the disk failed, nothing was sent. `silent`: it does not answer.
 */
export type RekeyResult = 'rekeyed' | 'refused' | 'not_taken' | 'unproven' | 'unsecured' | 'not_stored' | 'silent';

export interface Rekeyed {
  address: number;
  result: RekeyResult;
}

export interface Identified {
  nodeId: string;
  seconds: number;
  /** How it shows itself. */
  by: ('led' | 'buzzer')[];
}

export interface AddressChange {
  from: number;
  to: number;
  /** Bit/s; null: as now. */
  baudRate: number | null;
}

export interface AddressChanged extends AddressChange {
  bus: string;
  /** It answers there. False: it confirmed the change, and works at a rate that this bus does not. */
  proven: boolean;
}
