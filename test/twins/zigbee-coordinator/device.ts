import type { Cancel } from '../../../agent/system/clock.ts';
import type { Air, ApsFrame, Membership, Station } from './air.ts';
import { concat, type Eui64, eui, u8, u16 } from './bytes.ts';
import { AFTER_SENDING_MS, createPolling, type Polling, type PollingOptions } from './polling.ts';
import { createReporter } from './reporting.ts';
import { children, freeAddress, neighbourOf } from './topology.ts';
import { encodeZcl, GENERAL, type ZclValue } from './zcl.ts';
import { createZclServer, type Endpoint } from './zcl-server.ts';
import { answerZdo, type Binding, CLUSTER, RESPONSE, safely, type ZdoSubject } from './zdo.ts';

/** What goes wrong with one device. */
export interface DeviceFaults {
  /** Hears and never answers, as a device whose application hangs. */
  mute?: boolean;
  /** Answers so much later. */
  lateMs?: number;
  /** Dies after so many more answers: a battery taken out in the middle of an interview. */
  diesAfter?: number;
}

export interface DeviceOptions extends PollingOptions {
  /** 16 hexadecimal digits. */
  eui: Eui64;
  /** Mains-powered routers listen always; others sleep. */
  router: boolean;
  manufacturerCode?: number;
  /** Last hop, 0…255. Default 180. */
  lqi?: number;
  /** From hearing to answering. Default 10. */
  answerMs?: number;
  /** How long a second of reporting intervals lasts, milliseconds. Default 1,000. */
  secondMs?: number;
  endpoints: (device: DeviceHandle) => Endpoint[];
  /** A host wrote an attribute. */
  written?: (cluster: number, attribute: number) => void;
}

/** What the application of a device does with its radio. */
export interface DeviceHandle {
  /** Sends a command of a server to the coordinator that the cluster is bound to; without `bound`, to the trust center's endpoint 1. */
  notify(endpoint: number, cluster: number, command: number, payload: Buffer, options?: { unbound?: boolean }): void;
  readonly polling: Polling;
}

/** A device in the hands of a test or the demo. */
export interface Device {
  readonly eui: Eui64;
  readonly nwk: number | null;
  readonly membership: Membership | null;
  /** A running coordinator shares its network: what it sends is heard. */
  readonly paired: boolean;
  readonly bindings: readonly Binding[];
  faults: DeviceFaults;
  /** Looks for an open network and joins it; `via`: that router. False: none is open. Forgets the network that it was in. */
  join(via?: Eui64): boolean;
  /** Announces itself again, after a new parent or a power cut; with `nwk`, under a new address. */
  rejoin(options?: { via?: Eui64 | null; nwk?: number }): void;
  /** Leaves of its own accord. */
  leave(): void;
  powerOff(): void;
  powerOn(): void;
  /** A sleeping device polls fast for so long, as when a person presses its button. */
  wake(forMs?: number): void;
  value(cluster: number, attribute: number): ZclValue | undefined;
  /** The world changes an attribute; it is reported as configured. */
  set(cluster: number, attribute: number, value: ZclValue): void;
  notify: DeviceHandle['notify'];
  stop(): void;
}

const ASSOCIATION_MS = 60;
const KEY_EXCHANGE_MS = 60;
const POLL_CONTROL = 0x0020;
const CHECK_IN = 0x00;

/** Makes a device as it leaves the factory, and puts it into the air. */
export function createDevice(air: Air, options: DeviceOptions): Device {
  const { router } = options;
  const polling = createPolling(air.clock, options);
  const answerMs = options.answerMs ?? 10;
  let powered = true;
  let sequence = 0;
  let bindings: Binding[] = [];
  let checkIn: Cancel = () => {};
  let faults: DeviceFaults = {};

  function transmit(frame: ApsFrame): void {
    if (air.send(station, frame)) polling.stayAwake(AFTER_SENDING_MS);
  }

  /** A binding holds an address of 64 bits: frames to a coordinator that is not there any more go nowhere. */
  function boundTo(cluster: number): number | null {
    const coordinator = air.coordinatorOf(station)?.eui;
    return bindings.find((one) => one.cluster === cluster && one.to === coordinator)?.toEndpoint ?? null;
  }

  const endpointOf = (cluster: number): Endpoint | undefined => endpoints.find(({ clusters }) => clusters.has(cluster));

  function sendZcl(from: number, cluster: number, to: number, specific: boolean, command: number, payload: Buffer): void {
    sequence = (sequence + 1) & 0xff;
    const zcl = encodeZcl({ specific, manufacturer: null, fromServer: true, noDefaultResponse: false, sequence, command, payload });
    transmit({ profile: 0x0104, cluster, from, to, payload: zcl });
  }

  const reporter = createReporter(air, options.secondMs ?? 1_000, (cluster, payload) => {
    const to = boundTo(cluster.id);
    const endpoint = endpointOf(cluster.id);
    if (to !== null && endpoint) sendZcl(endpoint.descriptor.endpoint, cluster.id, to, false, GENERAL.REPORT, payload);
  });

  const handle: DeviceHandle = {
    polling,
    notify(endpoint, cluster, command, payload, { unbound = false } = {}) {
      const to = boundTo(cluster) ?? (unbound ? 1 : null);
      if (to !== null) sendZcl(endpoint, cluster, to, true, command, payload);
    },
  };
  const endpoints = options.endpoints(handle);
  const server = createZclServer(endpoints, (cluster, what, attribute) => {
    reporter.changed(cluster, attribute);
    if (what === 'value') options.written?.(cluster.id, attribute);
  });

  function scheduleCheckIn(): void {
    checkIn();
    const endpoint = endpointOf(POLL_CONTROL);
    if (!endpoint || boundTo(POLL_CONTROL) === null) return;
    checkIn = air.after(polling.settings.checkInMs, () => {
      handle.notify(endpoint.descriptor.endpoint, POLL_CONTROL, CHECK_IN, u8());
      scheduleCheckIn();
    });
  }

  const station: Station = {
    eui: options.eui,
    listens: router,
    routes: router,
    lqi: options.lqi ?? 180,
    membership: null,
    get powered() {
      return powered;
    },
    nextPollMs: () => (powered && !router ? polling.nextPollMs() : null),
    receive(frame) {
      if (faults.mute) return;
      air.after(answerMs + (faults.lateMs ?? 0), () => {
        if (!powered) return;
        const answer = frame.to === 0 ? zdoAnswer(frame) : server.answer(frame);
        if (!answer) return;
        if (faults.diesAfter !== undefined && faults.diesAfter-- <= 0) powered = false;
        transmit(answer);
      });
    },
  };

  function zdoAnswer(frame: ApsFrame): ApsFrame | null {
    const payload = station.membership && safely(() => answerZdo(subject, frame.cluster, frame.payload.subarray(1)));
    if (!payload) return null;
    if (frame.cluster === CLUSTER.BIND) scheduleCheckIn();
    return { profile: 0, cluster: frame.cluster | RESPONSE, from: 0, to: 0, payload: concat(frame.payload.subarray(0, 1), payload) };
  }

  function leave(rejoin: boolean): void {
    const { membership } = station;
    const radio = air.coordinatorOf(station);
    if (!membership || !radio) return;
    air.after(answerMs + 10, () => radio.left(options.eui, membership.nwk, rejoin));
    if (!rejoin) forget(answerMs + 20);
  }

  function forget(afterMs = 0): void {
    reporter.stop();
    checkIn();
    for (const { clusters } of endpoints) for (const { reporting } of clusters.values()) reporting.clear();
    bindings = [];
    air.after(afterMs, () => {
      station.membership = null;
    });
  }

  const capability = router ? 0x8e : 0x80;

  function announce(): void {
    const { membership } = station;
    if (!membership) return;
    sequence = (sequence + 1) & 0xff;
    const payload = concat(u8(sequence), u16(membership.nwk), eui(options.eui), u8(capability));
    transmit({ profile: 0, cluster: CLUSTER.DEVICE_ANNCE, from: 0, to: 0, payload });
  }

  const subject: ZdoSubject = {
    eui: options.eui,
    get nwk() {
      return station.membership?.nwk ?? 0xfffe;
    },
    get extendedPanId() {
      return station.membership?.network.extendedPanId ?? '0000000000000000';
    },
    nodeDescriptor: concat(
      u8(router ? 1 : 2, 0x40, capability),
      u16(options.manufacturerCode ?? 0x115f),
      u8(82),
      u16(82, 0x2c00, 82),
      u8(0),
    ),
    powerDescriptor: router ? 0xc110 : 0xc140,
    endpoints: () => endpoints.map(({ descriptor }) => descriptor),
    children: () => children(air, station).map(({ membership }) => membership!.nwk),
    neighbours: () => (router ? children(air, station).map((child) => neighbourOf(child)) : []),
    routes: () => [],
    get bindings() {
      return bindings;
    },
    set bindings(next) {
      bindings = next;
    },
    leave,
    permitJoin() {},
  };

  const device: Device = {
    eui: options.eui,
    get nwk() {
      return station.membership?.nwk ?? null;
    },
    get membership() {
      return station.membership;
    },
    get paired() {
      return air.coordinatorOf(station) !== null;
    },
    get bindings() {
      return bindings;
    },
    get faults() {
      return faults;
    },
    set faults(next) {
      faults = { ...next };
    },
    join(via) {
      const open = powered ? air.openNetwork(via) : null;
      if (!open) return false;
      forget();
      const { radio, network } = open;
      air.after(ASSOCIATION_MS, () => {
        const nwk = freeAddress(air, options.eui);
        const parent = via === undefined ? null : air.station(via)!;
        station.membership = {
          network: { ...network },
          nwk,
          trustCenter: radio.eui,
          parent: parent?.eui ?? null,
          // It counts from what the transport of the key carried.
          heardCounter: radio.nextCounter(),
        };
        polling.stayAwake(polling.settings.awakeMs);
        radio.joined(options.eui, nwk, parent?.membership?.nwk ?? 0);
        air.after(KEY_EXCHANGE_MS, announce);
      });
      return true;
    },
    rejoin({ via, nwk } = {}) {
      const { membership } = station;
      if (!membership || !powered) return;
      station.membership = { ...membership, ...(nwk !== undefined && { nwk }), ...(via !== undefined && { parent: via }) };
      polling.stayAwake(polling.settings.shortPollMs * 4);
      announce();
    },
    leave: () => leave(false),
    powerOff() {
      powered = false;
    },
    powerOn() {
      if (powered) return;
      powered = true;
      faults = {};
      device.rejoin();
    },
    wake: (forMs = 10_000) => polling.stayAwake(forMs),
    value: (cluster, attribute) => endpointOf(cluster)?.clusters.get(cluster)?.attributes.get(attribute)?.value,
    set(cluster, id, value) {
      const owner = endpointOf(cluster)?.clusters.get(cluster);
      const attribute = owner?.attributes.get(id);
      if (!owner || !attribute) throw new Error(`the device has no attribute ${id} in cluster ${cluster}`);
      attribute.value = value;
      if (powered) reporter.changed(owner, id);
    },
    notify: handle.notify,
    stop() {
      reporter.stop();
      checkIn();
    },
  };
  air.add(station);
  return device;
}
