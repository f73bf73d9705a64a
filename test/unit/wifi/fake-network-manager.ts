import {
  type LinkEvent,
  type NetworkManager,
  NetworkManagerError,
  POLKIT_ACTION,
} from '../../../agent/wifi/networkmanager/network-manager.ts';
import type { SteppedClock } from '../../support/stepped-clock.ts';
import { listed } from '../../twins/network-manager/air.ts';
import { type FakeHub, gone } from '../../twins/network-manager/hub.ts';

/** Where a fault strikes: in front of a call, or when it has taken effect but before its reply is there. */
export type FaultPhase = 'before' | 'after';
export type Fault = 'kill' | 'restart' | 'power_cut' | 'hang' | 'slow';

/** Calls over the bus are named by their D-Bus member, in upper case; files, sync and proof are not. */
export function isBusCall(step: string): boolean {
  return /^[A-Z]/.test(step);
}

/** One agent's life on a hub: its calls pass a gate where they can be cut. */
export interface AgentLife {
  manager: NetworkManager;
  /** Passes any other step (sync, file, proof) through the same gate. */
  gate<T>(name: string, run: () => T | Promise<T>): Promise<T>;
  /** The names of the steps so far. */
  steps: string[];
  dead(): boolean;
}

/** NetworkManager as the fake hub runs it, for one life of an agent. `fault` is asked at every step. */
export function createAgentLife(
  hub: FakeHub,
  clock: SteppedClock,
  fault: (step: number, name: string, phase: FaultPhase) => Fault | null = () => null,
): AgentLife {
  const steps: string[] = [];
  const mine = new Set<(event: LinkEvent) => void>();
  let dead = false;
  const never = new Promise<never>(() => {});

  function die(): void {
    dead = true;
    for (const listener of mine) hub.listeners.delete(listener);
  }

  /** True: the call gets no reply because the caller is dead. */
  function strike(kind: Fault | null): boolean {
    if (kind === 'kill') die();
    if (kind === 'power_cut') {
      die();
      hub.powerCut();
    }
    if (kind === 'restart') hub.restartManager();
    return dead;
  }

  async function gate<T>(name: string, run: () => T | Promise<T>): Promise<T> {
    if (dead) return never;
    const step = steps.push(name) - 1;
    const before = fault(step, name, 'before');
    if (strike(before)) return never;
    if (before === 'hang') return hang(name);
    // NetworkManager asks polkit first: later questions are answered before it has acted.
    if (before === 'slow') await new Promise<void>((resolve) => void clock.schedule(3000, resolve));
    const outcome = Promise.resolve().then(run);
    await outcome.catch(() => {});
    const after = fault(step, name, 'after');
    if (strike(after)) return never;
    if (after === 'restart' && isBusCall(name)) throw new NetworkManagerError('not_running', 'gone before it answered');
    if (after === 'hang') return hang(name);
    return dead ? never : outcome;
  }

  async function hang(name: string): Promise<never> {
    await new Promise<void>((resolve) => void clock.schedule(10_000, resolve));
    throw new NetworkManagerError('no_reply', `${name} did not answer`);
  }

  function call<T>(name: string, run: () => T, action?: string): Promise<T> {
    return gate(name, () => {
      if (!hub.isUp()) throw new NetworkManagerError('not_running', 'NetworkManager is not running');
      if (action && hub.world.missing.includes(action)) throw new NetworkManagerError('permission_denied', `not allowed to ${action}`);
      return run();
    });
  }

  const checkpointAt = (path: string) => {
    const standing = hub.checkpoint();
    return standing?.path === path ? standing : gone('checkpoint');
  };
  const ours = (device: string) => (device === hub.device.path && hub.world.hasDevice ? hub.device : gone('device'));

  const manager: NetworkManager = {
    wifiDevices: () => call('GetDevices', () => (hub.world.hasDevice ? [{ ...hub.device, interfaceName: hub.interfaceName }] : [])),
    deviceState: (device) => call('State', () => ours(device).state),
    radio: () => call('Radio', () => ({ softwareEnabled: hub.world.softwareEnabled, hardwareEnabled: hub.world.hardwareEnabled })),
    missingPermissions: () => call('GetPermissions', () => [...hub.world.missing]),
    accessPoints: () => call('GetAllAccessPoints', () => hub.air.filter((each) => (each.on ?? true) && !each.hidden).map(listed)),
    activeAccessPoint: () =>
      call('ActiveAccessPoint', () => {
        const point = hub.active()?.point;
        return point ? listed(point) : null;
      }),
    requestScan: () =>
      call(
        'RequestScan',
        () => {
          clock.schedule(3000, () => {
            hub.world.lastScan = clock.nowMs();
          });
        },
        POLKIT_ACTION.scan,
      ),
    lastScan: () => call('LastScan', () => hub.world.lastScan),
    wifiProfiles: () =>
      call('ListConnections', () =>
        hub.profiles().map(({ path, place, settings, lastUsed }) => ({
          path,
          id: settings.id,
          uuid: settings.uuid,
          ssid: settings.ssid,
          unsaved: place === 'memory',
          keyManagement: settings.security === 'open' ? null : settings.security,
          autoconnect: settings.autoconnect,
          autoconnectPriority: settings.autoconnectPriority,
          interfaceName: settings.interfaceName,
          hidden: settings.hidden,
          makesNetwork: false,
          lastJoinedSeconds: Math.floor(lastUsed / 1000),
        })),
      ),
    activeProfile: () => call('ActiveConnection', () => hub.active()?.uuid ?? null),
    activeState: (path) => call('ActiveState', () => (hub.active()?.path === path ? hub.active()!.state : null)),
    uplinkDevice: () => call('PrimaryConnection', () => (hub.world.ethernet ? '/Devices/eth0' : hub.network() ? hub.device.path : null)),
    ipv4: () => call('Ip4Config', () => hub.addresses().ipv4 ?? { address: null, gateway: null }),
    ipv6: () => call('Ip6Config', () => hub.addresses().ipv6 ?? { address: null, gateway: null }),
    createCheckpoint: (device, seconds) =>
      call('CheckpointCreate', () => hub.createCheckpoint(ours(device), seconds), POLKIT_ACTION.checkpoint),
    checkpoints: () =>
      call('Checkpoints', () => {
        const standing = hub.checkpoint();
        return standing ? [{ path: standing.path, devices: [standing.device], rollbackTimeoutSeconds: standing.timeoutSeconds }] : [];
      }),
    rollBack: (path) => call('CheckpointRollback', () => hub.rollBack(checkpointAt(path)), POLKIT_ACTION.checkpoint),
    destroyCheckpoint: (path) => call('CheckpointDestroy', () => hub.endCheckpoint(checkpointAt(path)), POLKIT_ACTION.checkpoint),
    addProfile: (settings) => call('AddConnection2', () => hub.add(settings), POLKIT_ACTION.profiles),
    holdProfile: (path, settings) => call('Update2Memory', () => void Object.assign(hub.find(path), { settings }), POLKIT_ACTION.profiles),
    reapply: (device) => call('Reapply', () => hub.reapply(ours(device)), POLKIT_ACTION.control),
    saveProfile: (path, settings) =>
      call(
        'Update2',
        () => void Object.assign(hub.find(path), { settings, place: 'disk', durable: false, blocked: false, noSecrets: false }),
        POLKIT_ACTION.profiles,
      ),
    deleteProfile: (path) => call('Delete', () => hub.remove(hub.find(path)), POLKIT_ACTION.profiles),
    activate: (path, device) => call('ActivateConnection', () => hub.activate(hub.find(path), ours(device)), POLKIT_ACTION.control),
    watch: (device, listener) =>
      call('AddMatch', () => {
        ours(device);
        const own = (event: LinkEvent) => queueMicrotask(() => mine.has(own) && listener(event));
        mine.add(own);
        hub.listeners.add(own);
        return () => {
          mine.delete(own);
          hub.listeners.delete(own);
        };
      }),
    close: () => {},
  };

  return { manager, gate, steps, dead: () => dead };
}
