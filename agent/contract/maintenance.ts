import type { Node } from './node.ts';

/** What root does with single nodes over the control socket of the hub. None of it is a command of the cloud. */
export interface NodeMaintenance {
  /** Has the node show where it is for some seconds. @throws HubError `node_unknown`, `node_silent`, `node_refused`, `bus_unavailable`, `busy`, `aborted` */
  identify(nodeId: string, seconds: number, signal: AbortSignal): Promise<Identified>;
  /**
   * What is remembered of the node is forgotten, its alarms too. One that answers is new when it answers next.
   * @throws HubError `node_unknown`
   */
  forget(nodeId: string): Node;
  /**
   * Gives a peripheral another address, and another rate when one is named. The target is looked at first.
   * @throws HubError `invalid_args`, `node_silent`, `node_refused`, `address_taken`, `bus_unavailable`, `busy`, `aborted`
   */
  setAddress(bus: string, change: AddressChange, signal: AbortSignal): Promise<AddressChanged>;
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
