import type { Cancel } from '../../../agent/system/clock.ts';
import { createRandom } from '../../support/random.ts';
import { createDeframer } from './deframer.ts';
import { misbehave } from './faults.ts';
import { BROADCAST } from './frame.ts';
import { BITS_PER_BYTE, createMedium, endOf, type LineByte, type Transmission } from './medium.ts';
import { type PeripheralSettings, settingsOf } from './options.ts';
import { createPeripheralMachine, type PeripheralMachine, type PeripheralReply } from './peripheral.ts';
import { createTally } from './stats.ts';
import type { LineFrame, OsdpLine, OsdpLineOptions, PeripheralControl, Wire } from './types.ts';

/** Bytes reach the panel in pieces of this much time at most, as a serial driver hands them over. */
const DEFAULT_DELIVERY_MS = 1;

/** A peripheral on the line; an object of its own is its identity as a talker. */
interface Member {
  settings: PeripheralSettings;
  machine: PeripheralMachine;
  deadUntilMs: number;
  present: boolean;
  babbling: boolean;
  /** A peripheral sends its replies one after the other, however late they are. */
  talksUntilMs: number;
}

/** Makes the line with its peripherals, powered up and waiting. It starts no timer before somebody talks. @throws Error for impossible options. */
export function createOsdpLine(options: OsdpLineOptions): OsdpLine {
  const { clock } = options;
  const deliveryMs = options.deliveryMs ?? DEFAULT_DELIVERY_MS;
  const random = createRandom(options.seed ?? 1);
  const tally = createTally();
  const panel = {};
  const handlers = new Set<(bytes: Buffer) => void>();
  const watchers = new Set<(frame: LineFrame) => void>();
  const connections = new Set<() => void>();
  const deframer = createDeframer();
  let members: Member[] = [];
  let panelBaudRate = options.baudRate;
  let panelTransmission: Transmission | null = null;
  let inbox: number[] = [];
  let running = false;
  let wake: Cancel = () => {};

  const byteMsAt = (baudRate: number): number => (BITS_PER_BYTE * 1000) / baudRate;

  const medium = createMedium(random, (byte) => {
    if (byte.transmission.from === panel) heardByPeripherals(byte);
    else heardByPanel(byte);
  });
  Object.assign(medium.noise, options.noise);

  function watch(frame: LineFrame): void {
    for (const watcher of watchers) watcher(frame);
  }

  function heardByPanel(byte: LineByte): void {
    if (byte.sent !== null) tally.replyByte(byte.transmission.byteMs);
    if (byte.heard === null) return;
    const member = byte.transmission.from as Member;
    inbox.push(member.settings.baudRate === panelBaudRate ? byte.heard : random.byte());
  }

  /** Peripherals listen to the panel only: another's reply, however spoilt, does not cost them their next request. */
  function heardByPeripherals(byte: LineByte): void {
    if (byte.sent !== null) tally.requestByte(byte.transmission.byteMs);
    if (byte.heard === null) return;
    if (options.echo) inbox.push(byte.heard);
    for (const found of deframer.push(byte.heard, byte.atMs)) {
      const address = found.kind === 'frame' ? found.frame.address : found.address;
      if (found.kind === 'frame' && found.frame.reply) continue;
      if (found.kind === 'frame') {
        tally.request(address);
        watch({ from: 'panel', atMs: byte.atMs, bytes: found.frame.bytes });
      }
      for (const member of members) {
        const listens = member.settings.baudRate === panelBaudRate && byte.atMs >= member.deadUntilMs;
        if (!listens || (address !== member.settings.address && address !== BROADCAST)) continue;
        if (found.kind === 'frame') send(member, member.machine.receive(found.frame, byte.atMs), byte.atMs);
        else if (member.settings.faults.nakBadCheck) send(member, member.machine.badCheck(), byte.atMs);
      }
    }
  }

  function transmissionOf(from: Member, bytes: Uint8Array, startMs: number, onEnd?: (atMs: number) => void): Transmission {
    return { from, bytes: [...bytes], startMs, byteMs: byteMsAt(from.settings.baudRate), done: 0, ...(onEnd && { onEnd }) };
  }

  /** What a reply brings about once it has been sent. */
  function settle(member: Member, { after }: PeripheralReply): void {
    if (!after) return;
    after();
    if (member.settings.restartsAfterSettings) boot(member);
  }

  function send(member: Member, reply: PeripheralReply | null, atMs: number): void {
    const act = reply && misbehave(member.settings, reply.bytes, random);
    if (!act) {
      if (reply) settle(member, reply);
      return;
    }
    const startMs = Math.max(atMs + act.delayMs, member.talksUntilMs);
    const transmission = transmissionOf(member, act.bytes, startMs, reply.after && (() => settle(member, reply)));
    member.talksUntilMs = endOf(transmission);
    tally.reply(member.settings.address, startMs - atMs);
    watch({ from: member.settings.address, atMs: startMs, bytes: act.bytes });
    medium.transmit(transmission);
  }

  function babble(member: Member, atMs: number): void {
    const fault = member.settings.faults.babble;
    member.babbling = Boolean(fault) && member.present;
    if (!member.babbling || !fault) return;
    const startMs = Math.max(atMs, member.deadUntilMs);
    const onEnd = (endMs: number): void => babble(member, Math.max(endMs, startMs + fault.everyMs));
    medium.transmit(transmissionOf(member, random.bytes(fault.bytes), startMs, onEnd));
  }

  /** Catches the line up with the clock, hands over what arrived, and sets the next alarm. */
  function run(): void {
    if (running) return;
    running = true;
    medium.run(clock.nowMs());
    running = false;
    schedule();
    if (inbox.length === 0) return;
    const bytes = Buffer.from(inbox);
    inbox = [];
    for (const handler of handlers) handler(bytes);
  }

  function schedule(): void {
    wake();
    const nowMs = clock.nowMs();
    let dueMs = inbox.length > 0 ? nowMs : Number.POSITIVE_INFINITY;
    for (const one of medium.active()) {
      const firstMs = one.startMs + one.byteMs;
      const toPanel = one.from !== panel || options.echo;
      const nextMs = toPanel ? (one.done === 0 ? firstMs : Math.min(endOf(one), nowMs + deliveryMs)) : endOf(one);
      dueMs = Math.min(dueMs, nextMs);
    }
    wake = Number.isFinite(dueMs) ? clock.schedule(Math.max(0, dueMs - nowMs), run) : () => {};
  }

  const wire: Wire = {
    onData(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    write(bytes) {
      const nowMs = clock.nowMs();
      medium.run(nowMs);
      const last = panelTransmission;
      const byteMs = byteMsAt(panelBaudRate);
      if (last && last.done < last.bytes.length && last.byteMs === byteMs) {
        for (const byte of bytes) last.bytes.push(byte);
      } else {
        const startMs = last ? Math.max(nowMs, endOf(last)) : nowMs;
        panelTransmission = { from: panel, bytes: [...bytes], startMs, byteMs, done: 0 };
        medium.transmit(panelTransmission);
      }
      schedule();
    },
  };

  function boot(member: Member, deadMs = member.settings.bootMs): void {
    medium.silence(member);
    member.machine.reset();
    Object.assign(member.settings, { lamp: null, buzzer: null });
    member.deadUntilMs = clock.nowMs() + deadMs;
    member.talksUntilMs = 0;
    babble(member, clock.nowMs());
    schedule();
  }

  function control(member: Member): PeripheralControl {
    const { settings, machine } = member;
    return {
      settings,
      get secureChannelActive() {
        return machine.secureChannelActive;
      },
      setTampered(tampered) {
        if (settings.tampered === tampered) return;
        settings.tampered = tampered;
        machine.statusChanged();
      },
      setPowerFault(powerFault) {
        if (settings.powerFault === powerFault) return;
        settings.powerFault = powerFault;
        machine.statusChanged();
      },
      setReaderTampered(tampered) {
        if (settings.readerTampered === tampered) return;
        settings.readerTampered = tampered;
        machine.readersChanged();
      },
      setInputs(inputs) {
        settings.inputs = inputs;
        machine.inputsChanged();
      },
      setOutputs(outputs) {
        settings.outputs = outputs;
        machine.outputsChanged();
      },
      setFaults(faults) {
        Object.assign(settings.faults, faults);
        if (!member.babbling) babble(member, clock.nowMs());
        schedule();
      },
      presentCard: (bits) => machine.presentCard(bits),
      powerCycle: () => boot(member),
      restart(changes = {}) {
        Object.assign(settings, changes);
        boot(member, 0);
      },
      remove() {
        medium.silence(member);
        member.present = false;
        members = members.filter((one) => one !== member);
        schedule();
      },
      restore() {
        if (member.present) return;
        member.present = true;
        members.push(member);
        boot(member);
      },
    };
  }

  const add: OsdpLine['add'] = (peripheral, duplicate = false) => {
    const settings = settingsOf(peripheral, options.baudRate);
    if (!duplicate && members.some((one) => one.settings.address === settings.address))
      throw new Error(`address ${settings.address} is taken`);
    const member: Member = {
      settings,
      machine: createPeripheralMachine(settings, random),
      deadUntilMs: 0,
      present: true,
      babbling: false,
      talksUntilMs: 0,
    };
    members.push(member);
    babble(member, clock.nowMs());
    schedule();
    return control(member);
  };
  for (const peripheral of options.peripherals ?? []) add(peripheral);

  return {
    wire,
    noise: medium.noise,
    add,
    peripherals: () => members.map(control),
    peripheral(address) {
      const member = members.find((one) => one.settings.address === address);
      if (!member) throw new Error(`nobody has the address ${address}`);
      return control(member);
    },
    setPanelBaudRate(baudRate) {
      panelBaudRate = baudRate;
    },
    connect(port) {
      const fromPort = port.onData((bytes) => {
        if (port.baudRate) panelBaudRate = port.baudRate;
        wire.write(bytes);
      });
      const toPort = wire.onData((bytes) => port.write(bytes));
      const disconnect = (): void => {
        fromPort();
        toPort();
        connections.delete(disconnect);
      };
      connections.add(disconnect);
      return disconnect;
    },
    onFrame(handler) {
      watchers.add(handler);
      return () => watchers.delete(handler);
    },
    stats: () => tally.read(medium.collisions),
    resetStats: () => tally.reset(medium.collisions),
    stop() {
      wake();
      for (const disconnect of connections) disconnect();
      handlers.clear();
      watchers.clear();
      for (const one of [panel, ...members]) medium.silence(one);
      members = [];
    },
  };
}
