import { EventEmitter } from 'node:events';
import type {
  Library,
  LibraryController,
  LibraryDevice,
  LibraryEndpoint,
  LibraryOptions,
} from '../../../../../agent/nodes/zigbee/host/library.ts';
import { LOCK, STICK } from '../samples.ts';

/** An endpoint with these clusters; `refuses`: what it does not take. */
export function createEndpoint(clusters: string[], refuses: string[] = []): LibraryEndpoint & { done: string[] } {
  const done: string[] = [];
  const take = async (what: string) => {
    if (refuses.includes(what)) throw new Error(`UNSUPPORTED_ATTRIBUTE (${what})`);
    done.push(what);
  };
  return {
    ID: 1,
    done,
    configuredReportings: [],
    getInputClusters: () => clusters.map((name) => ({ name })),
    supportsInputCluster: (cluster) => clusters.includes(cluster),
    bind: (cluster) => take(cluster),
    configureReporting: (_, [item]) => take(item!.attribute),
  };
}

/** A device of the library. */
export function createDevice(changes: Partial<LibraryDevice> = {}): LibraryDevice {
  return {
    ieeeAddr: LOCK,
    networkAddress: 7,
    type: 'EndDevice',
    manufacturerName: 'Danalock',
    modelID: 'V3',
    powerSource: 'Battery',
    interviewState: 'SUCCESSFUL',
    linkquality: 100,
    lastSeen: 1,
    endpoints: [],
    getEndpoint: (id) => changes.endpoints?.find(({ ID }) => ID === id),
    interview: async () => {},
    ping: async () => {},
    removeFromNetwork: async () => {},
    removeFromDatabase: () => {},
    ...changes,
  };
}

export const createCoordinatorDevice = (): LibraryDevice =>
  createDevice({ ieeeAddr: `0x${STICK}`, networkAddress: 0, type: 'Coordinator', endpoints: [createEndpoint([])] });

/** The library in a test's hands: its one Controller, with what it is made with. */
export function createFakeController(devices: LibraryDevice[]) {
  const events = new EventEmitter();
  const calls: string[] = [];
  let options: LibraryOptions | null = null;
  const controller: LibraryController = {
    start: async () => 'resumed',
    stop: async () => void calls.push('stop'),
    backup: async () => void calls.push('backup'),
    permitJoin: async (seconds) => void calls.push(`permitJoin ${seconds}`),
    getDevicesIterator: () => devices,
    getDeviceByIeeeAddr: (address) => devices.find(({ ieeeAddr }) => ieeeAddr === address),
    getNetworkParameters: async () => ({ channel: 15 }),
    getCoordinatorVersion: async () => ({ type: 'zStack3x0', meta: { revision: 20230507 } }),
    sendRaw: async () => [0, { endpointList: [1] }],
    on: (event, listener) => events.on(event, listener as (...args: unknown[]) => void),
    adapter: { stop: async () => void calls.push('adapter stop'), on: () => {} },
    databaseSaveTimer: setInterval(() => {}, 1e6),
    backupTimer: setInterval(() => {}, 1e6),
  };
  const library: Library = {
    setLogger: () => void calls.push('setLogger'),
    Controller: class {
      constructor(given: LibraryOptions) {
        options = given;
        // biome-ignore lint/correctness/noConstructorReturn: the library's one Controller is the test's.
        return controller;
      }
    } as unknown as Library['Controller'],
  };
  return { library, controller, events, calls, options: () => options! };
}
