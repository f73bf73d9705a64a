import type { Cancel, MonotonicClock } from '../../../agent/system/clock.ts';
import type { Eui64 } from './bytes.ts';
import { STATUS } from './commands.ts';

/** A network, as one must know it to be in it. */
export interface NetworkIdentity {
  panId: number;
  extendedPanId: Eui64;
  channel: number;
  /** 32 hexadecimal digits. */
  key: string;
}

/** An application frame (APS): a ZDO one has endpoint and profile 0. */
export interface ApsFrame {
  profile: number;
  cluster: number;
  from: number;
  to: number;
  payload: Buffer;
  /** The sender wants an acknowledgement of the device itself, not only of the next hop. */
  acknowledged?: boolean;
}

/** The coordinator, as the air sees it. */
export interface Radio {
  readonly eui: Eui64;
  /** Null while the stack does not run. */
  network(): NetworkIdentity | null;
  /** The network frame counter of the next frame; each is used once. */
  nextCounter(): number;
  permitsJoining(): boolean;
  /** A device associated, with itself or a router. */
  joined(device: Eui64, nwk: number, parent: number): void;
  left(device: Eui64, nwk: number, rejoin: boolean): void;
  receive(nwk: number, frame: ApsFrame, lqi: number): void;
}

/** What a device knows of the network that it is in. */
export interface Membership {
  network: NetworkIdentity;
  nwk: number;
  trustCenter: Eui64;
  /** The router that it hangs on; null: the coordinator. */
  parent: Eui64 | null;
  /** The highest frame counter heard from the coordinator: a lower one is a replay, and dropped (R22, section 4.3.1.2). */
  heardCounter: number;
}

/** A device, as the air sees it. */
export interface Station {
  readonly eui: Eui64;
  /** Routers and other devices that always listen. */
  readonly listens: boolean;
  readonly routes: boolean;
  readonly powered: boolean;
  readonly lqi: number;
  membership: Membership | null;
  /** When a sleeping device asks its parent for frames the next time, clock time; null: it does not. */
  nextPollMs(): number | null;
  receive(frame: ApsFrame): void;
}

/** One room full of radios: who hears whom, how long a frame takes, and what a parent keeps for a sleeping child. */
export interface Air {
  readonly clock: MonotonicClock;
  /** Puts a coordinator into the air; returns how to take it out. */
  attach(radio: Radio): () => void;
  add(station: Station): void;
  stations(): readonly Station[];
  station(eui: Eui64): Station | undefined;
  /** The running coordinator that shares the network of this device. */
  coordinatorOf(station: Station): Radio | null;
  /** A coordinator or router in range that lets devices join; with `via`, only that router. */
  openNetwork(via?: Eui64): { radio: Radio; network: NetworkIdentity } | null;
  /** The device with this address in the coordinator's network. */
  find(radio: Radio, nwk: number): Station | undefined;
  /** From the coordinator to one device. `confirm` gets the status of AF_DATA_CONFIRM. */
  deliver(radio: Radio, nwk: number, frame: ApsFrame, confirm: (status: number) => void): void;
  /** From the coordinator to all that listen. */
  broadcast(radio: Radio, frame: ApsFrame): void;
  /** From a device to its coordinator; false: it was heard by none. */
  send(station: Station, frame: ApsFrame): boolean;
  after(delayMs: number, run: () => void): Cancel;
  stop(): void;
}

/** A hop with its contention and acknowledgement. */
const HOP_MS = 4;
/** A parent keeps a frame for a sleeping child so long (Z-Stack: NWK_INDIRECT_MSG_TIMEOUT, 7 s). */
const INDIRECT_MS = 7_000;
/** A route request without an answer (R22: nwkcRouteDiscoveryTime). */
const NO_ROUTE_MS = 300;

export const sameNetwork = (a: NetworkIdentity, b: NetworkIdentity): boolean =>
  a.panId === b.panId && a.extendedPanId === b.extendedPanId && a.channel === b.channel && a.key === b.key;

export function createAir(clock: MonotonicClock): Air {
  const radios = new Set<Radio>();
  const stations: Station[] = [];
  const timers = new Set<Cancel>();

  function after(delayMs: number, run: () => void): Cancel {
    const cancel = clock.schedule(delayMs, () => {
      timers.delete(cancel);
      run();
    });
    timers.add(cancel);
    return () => {
      timers.delete(cancel);
      cancel();
    };
  }

  const find = (radio: Radio, nwk: number): Station | undefined => {
    const network = radio.network();
    return network
      ? stations.find(({ membership }) => membership !== null && membership.nwk === nwk && sameNetwork(membership.network, network))
      : undefined;
  };
  const station = (eui: Eui64): Station | undefined => stations.find((one) => one.eui === eui);

  /** Routers between the coordinator and the device; null when one of them is dead. */
  function hops(to: Station): number | null {
    let count = 1;
    for (let at = to.membership?.parent ?? null; at !== null; count += 1) {
      const router = station(at);
      if (!router?.powered || !router.membership || count > stations.length) return null;
      at = router.membership.parent;
    }
    return count;
  }

  function hear(radio: Radio, to: Station, frame: ApsFrame): boolean {
    const counter = radio.nextCounter();
    const { membership } = to;
    if (!membership || !to.powered || counter <= membership.heardCounter) return false;
    membership.heardCounter = counter;
    to.receive(frame);
    return true;
  }

  function coordinatorOf(one: Station): Radio | null {
    const network = one.membership?.network;
    if (!network) return null;
    return (
      [...radios].find((radio) => {
        const running = radio.network();
        return running !== null && sameNetwork(running, network);
      }) ?? null
    );
  }

  return {
    clock,
    after,
    find,
    station,
    coordinatorOf,
    stations: () => stations,
    attach(radio) {
      radios.add(radio);
      return () => radios.delete(radio);
    },
    add(one) {
      if (station(one.eui)) throw new Error(`two devices with the address ${one.eui}`);
      stations.push(one);
    },
    openNetwork(via) {
      for (const radio of radios) {
        const network = radio.network();
        if (!network || !radio.permitsJoining()) continue;
        if (via === undefined) return { radio, network };
        const router = station(via);
        if (router?.powered && router.membership && sameNetwork(router.membership.network, network)) return { radio, network };
      }
      return null;
    },
    deliver(radio, nwk, frame, confirm) {
      const to = find(radio, nwk);
      const path = to && hops(to);
      if (!to || path === null || path === undefined) {
        after(NO_ROUTE_MS, () => confirm(STATUS.NWK_NO_ROUTE));
        return;
      }
      if (to.listens) {
        after(HOP_MS * path, () => {
          if (!to.powered) return after(NO_ROUTE_MS, () => confirm(STATUS.MAC_NO_ACK));
          const heard = hear(radio, to, frame);
          return confirm(heard || !frame.acknowledged ? STATUS.SUCCESS : STATUS.APS_NO_ACK);
        });
        return;
      }
      const own = to.membership?.parent === null;
      // The router took it: what becomes of it there is seen only by an acknowledgement of the device.
      if (!own && !frame.acknowledged) after(HOP_MS * path, () => confirm(STATUS.SUCCESS));
      const giveUp = (): void => {
        if (own || frame.acknowledged) confirm(own ? STATUS.MAC_TRANSACTION_EXPIRED : STATUS.APS_NO_ACK);
      };
      const pollMs = to.powered ? to.nextPollMs() : null;
      const waitMs = pollMs === null ? Number.POSITIVE_INFINITY : Math.max(0, pollMs - clock.nowMs());
      after(Math.min(waitMs, INDIRECT_MS), () => {
        const still = waitMs <= INDIRECT_MS && find(radio, nwk) === to && hear(radio, to, frame);
        if (!still) giveUp();
        else if (own || frame.acknowledged) confirm(STATUS.SUCCESS);
      });
    },
    broadcast(radio, frame) {
      const network = radio.network();
      if (!network) return;
      for (const one of stations) {
        if (!one.listens || !one.membership || !sameNetwork(one.membership.network, network)) continue;
        after(HOP_MS * 2, () => hear(radio, one, frame));
      }
    },
    send(from, frame) {
      const { membership } = from;
      const radio = coordinatorOf(from);
      const path = hops(from);
      if (!membership || !radio || path === null || !from.powered) return false;
      const { nwk } = membership;
      after(HOP_MS * path, () => {
        if (coordinatorOf(from) === radio) radio.receive(nwk, frame, from.lqi);
      });
      return true;
    },
    stop() {
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
