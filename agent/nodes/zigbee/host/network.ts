import type { MonotonicClock, WallClock } from '../../../system/clock.ts';
import type { Guard } from '../../../system/guard.ts';
import { within } from '../../../system/timeout.ts';
import { ProcessFailure } from '../process/process.ts';
import type { Answers, Command, ProcessEvent } from '../process/words.ts';
import { factsOf, messageOf } from './facts.ts';
import { watchFrames } from './frames.ts';
import type { Library, LibraryController, LibraryDevice, LibraryMessage } from './library.ts';
import { createLibraryLogger } from './logger.ts';
import { type AskNeighbours, type NeighbourPage, neighboursOf } from './map.ts';
import { createUpkeep } from './upkeep.ts';

export interface NetworkHostDeps {
  library: Library;
  clock: MonotonicClock;
  wallClock: WallClock;
  guard: Guard;
  emit(event: ProcessEvent): void;
}

/** The library's Controller, with every listener wrapped and every wait bounded. */
export interface NetworkHost {
  start(command: Command & { do: 'start' }): Promise<Answers['start']>;
  permitJoin(seconds: number): Promise<void>;
  remove(address: string): Promise<Answers['remove']>;
  sendAway(address: string, networkAddress: number): Promise<Answers['send_away']>;
  interview(address: string): Promise<void>;
  ping(address: string): Promise<void>;
  save(): Promise<void>;
  check(): Promise<Answers['check']>;
  map(): Promise<Answers['map']>;
  trace(on: boolean): void;
  /** Within two seconds; the process ends after it in any case. */
  stop(): Promise<void>;
}

const STOP_MS = 1_200;
const CLOSE_MS = 400;
const REMOVE_MS = 10_000;
/** A device sends more than a screen shows: at most this often its sign of life is passed on. */
const SEEN_MS = 5_000;
const ACTIVE_ENDPOINTS_REQUEST = 0x0005;
const NEIGHBOURS_REQUEST = 0x0031;
const LEAVE_REQUEST = 0x0034;
/** Of its flags (Zigbee specification, 2.4.3.3.5): it does not come back, and its children stay. */
const WITHOUT_REJOIN = 0;
const SUCCESS = 0;
const ZDO_PROFILE = 0;
/** Its network address (Zigbee specification, 3.6.1.6). */
const COORDINATOR = 0;

const bytesOf = (hex: string) => [...Buffer.from(hex, 'hex')];
const ieeeOf = (address: string) => address.replace(/^0x/, '');

export function createNetworkHost({ library, clock, wallClock, guard, emit }: NetworkHostDeps): NetworkHost {
  let controller: LibraryController | null = null;
  let isUp = false;
  let isOpen = false;
  let isTracing = false;
  const seenMs = new Map<string, number>();

  const running = (): LibraryController => {
    if (!controller || !isUp) throw new ProcessFailure('not_started', 'the network is not started');
    return controller;
  };
  const known = (address: string): LibraryDevice => {
    const device = running().getDeviceByIeeeAddr(address);
    if (!device || device.type === 'Coordinator') throw new ProcessFailure('unknown_device', `no device ${address} is paired`);
    return device;
  };
  const devices = () => [...running().getDevicesIterator()].filter(({ type }) => type !== 'Coordinator');
  const coordinator = () => [...running().getDevicesIterator()].find(({ type }) => type === 'Coordinator');
  const tell = (device: LibraryDevice) => emit({ kind: 'device', device: factsOf(device) });

  const upkeep = createUpkeep({ clock, coordinator: () => coordinator()?.getEndpoint(1) ?? null, tell, emit });

  /** A request of the device profile; its answer: the status, and what follows it. */
  async function zdo<T>(ieeeAddress: string, networkAddress: number, clusterKey: number, ...zdoParams: (number | string)[]) {
    const request = { ieeeAddress, networkAddress, profileId: ZDO_PROFILE, clusterKey, zdoParams };
    const [status, answer] = ((await running().sendRaw(request)) ?? []) as [unknown?, T?];
    return { status, answer };
  }

  const neighbours: AskNeighbours = async ({ ieeeAddr, networkAddress }, start) => {
    const { answer: page } = await zdo<NeighbourPage>(ieeeAddr, networkAddress, NEIGHBOURS_REQUEST, start);
    if (!page) throw new ProcessFailure('failed', 'the router refuses to tell its neighbours');
    return page;
  };

  function seen(device: LibraryDevice): void {
    if (device.type === 'Coordinator') return;
    const nowMs = clock.nowMs();
    if (nowMs - (seenMs.get(device.ieeeAddr) ?? Number.NEGATIVE_INFINITY) >= SEEN_MS) {
      seenMs.set(device.ieeeAddr, nowMs);
      const { lastSeen, linkQuality } = factsOf(device);
      emit({ kind: 'seen', address: device.ieeeAddr, at: lastSeen ?? wallClock.nowMs(), linkQuality });
    }
    if (isUp) upkeep.heard(device);
  }

  function listen(to: LibraryController): void {
    const on = <A extends unknown[]>(event: string, run: (...args: A) => unknown) => to.on(event, guard(`library ${event}`, run));
    on('deviceJoined', ({ device }: { device: LibraryDevice }) => {
      emit({ kind: 'interview', address: device.ieeeAddr, state: 'joined' });
      tell(device);
    });
    on('deviceInterview', ({ status, device }: { status: string; device: LibraryDevice }) => {
      const state = status === 'successful' ? 'done' : status === 'failed' ? 'failed' : 'started';
      emit({ kind: 'interview', address: device.ieeeAddr, state });
      tell(device);
      if (state === 'done') upkeep.interviewed(device);
    });
    on('deviceLeave', ({ ieeeAddr }: { ieeeAddr: string }) => emit({ kind: 'left', address: ieeeAddr }));
    on('lastSeenChanged', ({ device, reason }: { device: LibraryDevice; reason?: string }) => {
      // A device that comes back into a closed network has kept its key, and what was set up in it.
      if (isUp && isOpen && reason === 'deviceJoined' && device.interviewState === 'SUCCESSFUL') upkeep.joinedAgain(device);
      seen(device);
    });
    on('permitJoinChanged', ({ permitted, time = 0 }: { permitted: boolean; time?: number }) => {
      isOpen = permitted;
      emit({ kind: 'permit_join', open: permitted, seconds: permitted ? time : 0 });
    });
    on('message', (message: LibraryMessage) => {
      const passed = messageOf(message, wallClock.nowMs());
      if (passed) emit({ kind: 'message', message: passed });
    });
    on('adapterDisconnected', () => emit({ kind: 'lost', message: 'the stick went away' }));
  }

  return {
    async start({ port, network, database, databaseBackup, backup }) {
      library.setLogger(createLibraryLogger(emit, () => clock.nowMs()));
      const { panId, extendedPanId, networkKey, channel } = network;
      const made = new library.Controller({
        network: { panID: panId, extendedPanID: bytesOf(extendedPanId), channelList: [channel], networkKey: bytesOf(networkKey) },
        transport: { path: port.path, adapter: port.adapter, baudRate: port.baudRate, rtscts: port.rtscts },
        databasePath: database,
        databaseBackupPath: databaseBackup,
        backupPath: backup,
        // True makes a failed start reject twice.
        adapter: { disableLED: false },
        // To refuse one sends it away for good: it may be one that was paired, and that a damaged database no longer names.
        acceptJoiningDeviceHandler: async () => true,
      });
      controller = made;
      listen(made);
      const result = await made.start();
      // Private: both would end the process when the disk is full. The agent's clock saves, with the public `backup()`.
      clearInterval(made.databaseSaveTimer);
      clearInterval(made.backupTimer);
      isUp = true;
      watchFrames(made, guard, (trace) => isTracing && emit({ kind: 'trace', ...trace }));
      for (const device of devices()) tell(device);
      const version = await made.getCoordinatorVersion().catch(() => null);
      const firmware = version ? `${version.type} ${version.meta.revision ?? ''}`.trim().slice(0, 64) : null;
      return { result, channel: (await made.getNetworkParameters()).channel, coordinator: ieeeOf(coordinator()?.ieeeAddr ?? ''), firmware };
    },

    permitJoin: (seconds) => running().permitJoin(seconds),

    async remove(address) {
      const device = known(address);
      const asked = device.removeFromNetwork().then(
        () => true,
        () => false,
      );
      const confirmed = await within(clock, REMOVE_MS, asked, () => false);
      // The library tells nothing of a device that was sent away, and keeps one that did not answer.
      if (running().getDeviceByIeeeAddr(address)) device.removeFromDatabase();
      emit({ kind: 'left', address });
      return { confirmed };
    },

    async sendAway(address, networkAddress) {
      const asked = zdo(address, networkAddress, LEAVE_REQUEST, address, WITHOUT_REJOIN).then(
        ({ status }) => status === SUCCESS,
        () => false,
      );
      return { confirmed: await within(clock, REMOVE_MS, asked, () => false) };
    },

    async interview(address) {
      const device = known(address);
      await device.interview(true);
      tell(device);
    },

    ping: (address) => known(address).ping(true),

    save: () => running().backup(),

    async check() {
      const { answer } = await zdo<{ endpointList?: unknown[] }>(
        coordinator()?.ieeeAddr ?? '',
        COORDINATOR,
        ACTIVE_ENDPOINTS_REQUEST,
        COORDINATOR,
      );
      // After a reset the endpoints that were registered at the start are gone (Z-Stack).
      return { state: answer?.endpointList?.length === 0 ? 'reset' : 'up' };
    },

    map: () => neighboursOf(coordinator(), devices(), neighbours, clock),

    trace(on) {
      isTracing = on;
    },

    async stop() {
      const stopping = controller;
      if (!stopping || !isUp) return;
      isUp = false;
      // What it does after that, it does alone: it may still reject, seconds later.
      const settled = stopping.stop().catch(() => {});
      await within(clock, STOP_MS, settled, () => {});
      await within(clock, CLOSE_MS, stopping.adapter?.stop().catch(() => {}) ?? Promise.resolve(), () => {});
    },
  };
}
