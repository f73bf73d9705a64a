import type { Cancel } from '../../../agent/system/clock.ts';
import type { Air, ApsFrame, NetworkIdentity, Radio } from './air.ts';
import { concat, type Eui64, eui, u8, u16, u32 } from './bytes.ts';
import { AF, APP_CNF, STATE, SYS, ZDO } from './commands.ts';
import type { Memory, NetworkParameters } from './memory.ts';
import { children, neighbourOf } from './topology.ts';
import { answerZdo, CLUSTER, RESPONSE, type SimpleDescriptor, safely, type ZdoSubject } from './zdo.ts';
import { PARSED, parsedBody } from './zdo-messages.ts';

/** How long the firmware takes, milliseconds. The defaults are shorter than a CC2652's, which scans for two to four seconds before it forms. */
export interface Pace {
  /** From the reset to SYS_RESET_IND. */
  bootMs: number;
  /** The scan before a network is formed. */
  formMs: number;
  /** From ZDO_STARTUP_FROM_APP with a network in NV to the running coordinator. */
  resumeMs: number;
}

/** The running firmware: volatile state, and what it does of its own accord. */
export interface Stack {
  readonly air: Air;
  readonly memory: Memory;
  readonly pace: Pace;
  readonly radio: Radio;
  readonly subject: ZdoSubject;
  readonly endpoints: Map<number, SimpleDescriptor>;
  /** ZDO clusters that the host wants as they came (0xffff: all). */
  readonly callbacks: Set<number>;
  readonly groups: Map<number, Set<number>>;
  /** Channels of the next formation, a bit for each. */
  channelMask: number;
  readonly state: number;
  /** The processor starts: it does not listen yet. */
  readonly booting: boolean;
  /** How often it formed a network, over all its boots. */
  readonly formations: number;
  /** Starts from NV; false: there is no network in it. */
  resume(): boolean;
  form(): void;
  permitJoin(seconds: number): void;
  /** Sends an AREQ. */
  notify(command: number, data: Uint8Array): void;
  /** A ZDO message came, or the stack answered its own host. */
  zdoMessage(from: number, cluster: number, sequence: number, body: Buffer): void;
  moveTo(channel: number): void;
  /** The processor starts again; `reason`: 0 power-up, 1 external, 2 watchdog. */
  reboot(reason: number): void;
  /** Stops without a word: the power is gone. */
  halt(): void;
}

/** Frames between two writes of the counter to NV, and what is added at a boot so that none is used twice (Z-Stack, nwk_globals.h). */
const COUNTER_STEP = 1_000;
const COUNTER_AT_BOOT = 1_250;
/** It says that it is starting so often. */
const STARTING_TIMES = 3;
/** In the notification: which procedure, and the bit of what remains to be done. */
const FORMATION = 2;
const FORMATION_MODE = 4;
/** Statuses of BDB_COMMISSIONING_NOTIFICATION. A network that was there already is no success (seen by hosts). */
const BDB = { SUCCESS: 0, IN_PROGRESS: 1, FORMATION_FAILURE: 8 } as const;

export function createStack(air: Air, memory: Memory, pace: Pace, emit: (command: number, data: Uint8Array) => void): Stack {
  const endpoints = new Map<number, SimpleDescriptor>();
  const callbacks = new Set<number>();
  const groups = new Map<number, Set<number>>();
  const pending = new Set<Cancel>();
  let state: number = STATE.HOLD;
  let network: NetworkParameters | null = null;
  let counter = 0;
  let storedCounter = 0;
  let permitUntilMs = 0;
  let formations = 0;
  let booting = false;
  let detach = (): unknown => undefined;

  function later(delayMs: number, run: () => void): void {
    const cancel = air.after(delayMs, () => {
      pending.delete(cancel);
      run();
    });
    pending.add(cancel);
  }

  function enter(next: number): void {
    state = next;
    emit(ZDO.STATE_CHANGE_IND, u8(next));
  }

  function started(parameters: NetworkParameters): void {
    network = parameters;
    storedCounter = memory.tables.frameCounter(parameters.extendedPanId) + COUNTER_AT_BOOT;
    counter = storedCounter;
    memory.tables.storeFrameCounter(parameters.extendedPanId, storedCounter);
    detach = air.attach(radio);
    enter(STATE.COORDINATOR);
  }

  function starting(durationMs: number, done: () => void): void {
    for (let step = 0; step < STARTING_TIMES; step += 1)
      later((durationMs * step) / STARTING_TIMES, () => enter(STATE.COORDINATOR_STARTING));
    later(durationMs, done);
  }

  function halt(): void {
    for (const cancel of pending) cancel();
    pending.clear();
    detach();
    detach = () => undefined;
    network = null;
    state = STATE.HOLD;
    booting = false;
    permitUntilMs = 0;
    endpoints.clear();
    callbacks.clear();
    groups.clear();
  }

  const identity = (): NetworkIdentity | null =>
    network && { panId: network.panId, extendedPanId: network.extendedPanId, channel: network.channel, key: network.key };

  const subject: ZdoSubject = {
    get eui(): Eui64 {
      return memory.eui;
    },
    nwk: 0,
    get extendedPanId() {
      return network?.extendedPanId ?? '0000000000000000';
    },
    nodeDescriptor: concat(u8(0, 0x40, 0x8f), u16(0x0007), u8(80), u16(160, 0x2c41, 160), u8(0)),
    powerDescriptor: 0xc110,
    endpoints: () => [...endpoints.values()],
    children: () =>
      memory.tables
        .devices()
        .filter(({ child }) => child)
        .map(({ nwk }) => nwk),
    neighbours: () => children(air, null, identity() ?? undefined).map(neighbourOf),
    routes: () =>
      air
        .stations()
        .filter((one) => one.membership?.parent)
        .map((one) => ({ to: one.membership!.nwk, via: viaOf(one.membership!.parent!) })),
    bindings: [],
    leave() {},
    permitJoin: (seconds) => stack.permitJoin(seconds),
  };
  const viaOf = (parent: Eui64): number => air.station(parent)?.membership?.nwk ?? 0;

  const radio: Radio = {
    get eui() {
      return memory.eui;
    },
    network: identity,
    nextCounter() {
      counter += 1;
      if (counter - storedCounter >= COUNTER_STEP && network) {
        storedCounter = counter;
        memory.tables.storeFrameCounter(network.extendedPanId, counter);
      }
      return counter;
    },
    permitsJoining: () => air.clock.nowMs() < permitUntilMs,
    joined(device, nwk, parent) {
      memory.tables.put({ eui: device, nwk, child: parent === 0 });
      emit(ZDO.TC_DEVICE_IND, concat(u16(nwk), eui(device), u16(parent)));
    },
    left(device, nwk, rejoin) {
      if (!rejoin) memory.tables.remove(device);
      emit(ZDO.LEAVE_IND, concat(u16(nwk), eui(device), u8(0, 0, rejoin ? 1 : 0)));
    },
    receive(nwk, frame, lqi) {
      if (frame.profile === 0) incomingZdo(nwk, frame);
      else if (endpoints.has(frame.to)) incoming(nwk, frame, lqi);
    },
  };

  function incoming(nwk: number, frame: ApsFrame, lqi: number): void {
    const timestamp = Math.floor(air.clock.nowMs() * 1_000) >>> 0;
    const head = concat(u16(0, frame.cluster, nwk), u8(frame.from, frame.to, 0, lqi, 0), u32(timestamp), u8(counter & 0xff));
    // MT ends the message with the address of the last hop and the radius.
    emit(AF.INCOMING_MSG, concat(head, u8(frame.payload.length), frame.payload, u16(nwk), u8(29)));
  }

  function incomingZdo(nwk: number, frame: ApsFrame): void {
    const [sequence, body] = [frame.payload[0] ?? 0, frame.payload.subarray(1)];
    if (frame.cluster === CLUSTER.DEVICE_ANNCE) {
      const device = air.find(radio, nwk);
      if (device) memory.tables.put({ eui: device.eui, nwk, child: device.membership?.parent === null });
    }
    zdoMessage(nwk, frame.cluster, sequence, body);
    if (frame.cluster & RESPONSE || frame.cluster === CLUSTER.DEVICE_ANNCE) return;
    const answer = safely(() => answerZdo(subject, frame.cluster, body));
    const payload = answer && concat(u8(sequence), answer);
    if (payload) air.deliver(radio, nwk, { profile: 0, cluster: frame.cluster | RESPONSE, from: 0, to: 0, payload }, () => {});
  }

  /** Tells the host of a ZDO message: parsed, and as it came for those who registered for it. */
  function zdoMessage(from: number, cluster: number, sequence: number, body: Buffer): void {
    const parsed = PARSED.get(cluster);
    if (parsed !== undefined && (memory.directCallbacks || cluster === CLUSTER.DEVICE_ANNCE)) emit(parsed, parsedBody(from, cluster, body));
    if (callbacks.has(cluster) || callbacks.has(0xffff))
      emit(ZDO.MSG_CB_INCOMING, concat(u16(from), u8(0), u16(cluster), u8(0, sequence), u16(0), body));
  }

  const stack: Stack = {
    air,
    memory,
    pace,
    radio,
    subject,
    endpoints,
    callbacks,
    groups,
    channelMask: 0,
    get state() {
      return state;
    },
    get booting() {
      return booting;
    },
    get formations() {
      return formations;
    },
    resume() {
      const parameters = memory.network();
      if (parameters && state !== STATE.COORDINATOR) starting(pace.resumeMs, () => started(parameters));
      return parameters !== null;
    },
    form() {
      if (memory.network()) {
        stack.resume();
        later(pace.resumeMs + 1, () => emit(APP_CNF.BDB_COMMISSIONING_NOTIFICATION, u8(BDB.FORMATION_FAILURE, FORMATION, 0)));
        return;
      }
      emit(APP_CNF.BDB_COMMISSIONING_NOTIFICATION, u8(BDB.IN_PROGRESS, FORMATION, FORMATION_MODE));
      starting(pace.formMs, () => {
        formations += 1;
        started(memory.form(stack.channelMask || 1 << 11));
        emit(APP_CNF.BDB_COMMISSIONING_NOTIFICATION, u8(BDB.SUCCESS, FORMATION, 0));
      });
    },
    permitJoin(seconds) {
      permitUntilMs = seconds === 0 ? 0 : air.clock.nowMs() + (seconds === 0xff ? Number.POSITIVE_INFINITY : seconds * 1_000);
      emit(ZDO.PERMIT_JOIN_IND, u8(seconds));
      if (seconds !== 0 && seconds !== 0xff)
        later(seconds * 1_000, () => {
          if (!radio.permitsJoining()) emit(ZDO.PERMIT_JOIN_IND, u8(0));
        });
    },
    notify: emit,
    zdoMessage,
    moveTo(channel) {
      if (!network) return;
      const before = identity()!;
      network = { ...network, channel, channelList: 1 << channel, updateId: (network.updateId + 1) & 0xff };
      memory.store(network);
      // Who listens follows the announcement; who sleeps searches, and finds it.
      for (const { membership } of air.stations()) if (membership?.network.key === before.key) membership.network = identity()!;
    },
    reboot(reason) {
      halt();
      booting = true;
      later(pace.bootMs, () => {
        booting = false;
        memory.boot();
        emit(SYS.RESET_IND, u8(reason, 2, 1, 2, 7, 1));
      });
    },
    halt,
  };
  return stack;
}
