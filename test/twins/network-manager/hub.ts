import type { Cancel, MonotonicClock } from '../../../agent/system/clock.ts';
import { type LinkEvent, NetworkManagerError, type ProfileSettings } from '../../../agent/wifi/networkmanager/network-manager.ts';
import { type FakeAccessPoint, fateOf } from './air.ts';
import { type KnownNetwork, knownSettings } from './known-network.ts';

/** A profile as the fake keeps it. */
export interface StoredProfile {
  path: string;
  settings: ProfileSettings;
  /** In `/run` only, or on disk. */
  place: 'memory' | 'disk';
  /** On disk for good: `sync` ran after it was written. */
  durable: boolean;
  /** The autoconnect block of AddConnection2, which a restart of NetworkManager forgets. */
  blocked: boolean;
  /** Its secret was missed: not joined by itself until somebody activates or changes it, or NetworkManager starts anew. */
  noSecrets: boolean;
  lastUsed: number;
}

interface StoredCheckpoint {
  path: string;
  device: string;
  timeoutSeconds: number;
  profiles: Set<string>;
  activeUuid: string | null;
  cancel: Cancel;
}

/** The hub's network side: NetworkManager, its disk and memory, the radio, and the way to the cloud. Times and reasons as measured. */
export type FakeHub = ReturnType<typeof createFakeHub>;

const RESTART_MS = 2000;
const AUTOCONNECT_MS = 1000;

export function createFakeHub(
  clock: MonotonicClock,
  options: {
    air: FakeAccessPoint[];
    known?: KnownNetwork[];
    /** Ends checkpoints; default: the clock of everything else. */
    checkpointClock?: MonotonicClock;
  },
) {
  const { air, checkpointClock = clock } = options;
  const interfaceName = 'wlan0';
  let up = true;
  let generation = 1;
  let counter = 0;
  const device = { path: '/Devices/1', state: 30, reason: 0, autoconnect: true };
  let profiles: StoredProfile[] = [];
  let active: {
    path: string;
    uuid: string;
    state: number;
    point: FakeAccessPoint | null;
    cancel: Cancel;
    settings: ProfileSettings;
  } | null = null;
  let checkpoint: StoredCheckpoint | null = null;
  let autoconnecting: Cancel | null = null;
  const listeners = new Set<(event: LinkEvent) => void>();
  const world = { ethernet: false, softwareEnabled: true, hardwareEnabled: true, hasDevice: true, missing: [] as string[], lastScan: -1 };
  let reapplied: ProfileSettings | null = null;

  const path = (kind: string) => `/${kind}/${generation}_${++counter}`;
  const emit = (event: LinkEvent) => {
    for (const listener of [...listeners]) listener(event);
  };
  const setDevice = (state: number, reason = 0) => {
    Object.assign(device, { state, reason });
    emit({ type: 'device_state', state, reason });
  };

  const current = () => profiles.find((each) => each.settings.uuid === active?.uuid);

  /** As a request asks for. */
  function disconnect(): void {
    setDevice(110, 39);
    drop();
    setDevice(30, 39);
  }

  /** What becomes of the device and its profile when a join or a link fails. */
  function fail(profile: StoredProfile | undefined, reason: number): void {
    if (profile && reason === 7) profile.noSecrets = true;
    setDevice(120, reason);
    drop();
    setDevice(30);
    autoconnect();
  }

  function drop(): void {
    if (!active) return;
    active.cancel();
    const { path: ended } = active;
    active = null;
    reapplied = null;
    emit({ type: 'active_state', active: ended, state: 4 });
  }

  function activate(profile: StoredProfile, _device = device): string {
    autoconnecting?.();
    autoconnecting = null;
    profile.noSecrets = false;
    device.autoconnect = true;
    if (active) setDevice(110, 60);
    drop();
    const { fate, point } = fateOf(profile.settings, air);
    const mine = path('Active');
    active = { path: mine, uuid: profile.settings.uuid, state: 1, point: null, settings: profile.settings, cancel: () => {} };
    setDevice(40);
    const needAuth = clock.schedule(Math.min(1000, fate.afterMs / 2), () => profile.settings.security !== 'open' && setDevice(60, 8));
    const end = clock.schedule(fate.afterMs, () => {
      if (active?.path !== mine) return;
      if (fate.reason !== null) {
        fail(profile, fate.reason);
      } else {
        Object.assign(active, { state: 2, point });
        profile.lastUsed = clock.nowMs();
        setDevice(100);
        emit({ type: 'active_state', active: mine, state: 2 });
      }
    });
    active.cancel = () => {
      needAuth();
      end();
    };
    return mine;
  }

  /** By priority, then the one used last; only what is in the air. */
  function autoconnect(delayMs = AUTOCONNECT_MS): void {
    autoconnecting?.();
    autoconnecting = clock.schedule(delayMs, () => {
      autoconnecting = null;
      if (!up || active || !device.autoconnect) return;
      const inTheAir = profiles
        .filter((each) => each.settings.autoconnect && !each.blocked && !each.noSecrets && fateOf(each.settings, air).fate.reason === null)
        .sort((a, b) => b.settings.autoconnectPriority - a.settings.autoconnectPriority || b.lastUsed - a.lastUsed);
      if (inTheAir[0]) activate(inTheAir[0]);
    });
  }

  function remove(profile: StoredProfile): void {
    profiles = profiles.filter((each) => each !== profile);
    if (active?.uuid !== profile.settings.uuid) return;
    drop();
    setDevice(30, 38);
    autoconnect();
  }

  function rollBack(back: StoredCheckpoint): void {
    back.cancel();
    checkpoint = null;
    const before = profiles.find((each) => each.settings.uuid === back.activeUuid);
    autoconnecting?.();
    if (before) activate(before);
    // A device that was disconnected is so again, for the reason that a person's request has (NetworkManager 1.42, nm-checkpoint.c).
    else if (active) disconnect();
    for (const each of profiles) if (!back.profiles.has(each.settings.uuid)) remove(each);
    autoconnecting?.();
    if (!before) autoconnect();
  }

  /** What both a restart and a power cut do to NetworkManager itself. */
  function stopManager(downMs = RESTART_MS): void {
    up = false;
    generation++;
    counter = 0;
    checkpoint?.cancel();
    checkpoint = null;
    autoconnecting?.();
    active?.cancel();
    active = null;
    reapplied = null;
    Object.assign(device, { state: 20, reason: 0, autoconnect: true });
    emit({ type: 'manager_gone' });
    clock.schedule(downMs, () => {
      up = true;
      device.path = `/Devices/${generation}`;
      device.state = 30;
      profiles = profiles.map((each) => ({ ...each, path: path('Settings'), blocked: false, noSecrets: false }));
      autoconnect();
    });
  }

  for (const known of options.known ?? []) {
    const settings = knownSettings(known, `known-${profiles.length}`, interfaceName);
    profiles.push({ path: path('Settings'), settings, place: 'disk', durable: true, blocked: false, noSecrets: false, lastUsed: 0 });
  }
  if (profiles[0]) autoconnect(0);

  return {
    air,
    world,
    device,
    interfaceName,
    listeners,
    profiles: () => profiles,
    checkpoint: () => checkpoint,
    active: () => active,
    /** The SSID of the network that the hub is on and can use, or null. */
    network: () => (active?.state === 2 ? (active.point?.ssid ?? null) : null),
    /** The addresses that the network gives, by IP version; null without. */
    addresses() {
      const point = active?.state === 2 ? active.point : null;
      return {
        ipv4: point && point.dhcp !== false ? { address: '192.168.7.20', gateway: '192.168.7.1' } : null,
        ipv6: point?.ipv6 ? { address: 'fd00:7::20', gateway: 'fe80::1' } : null,
      };
    },
    /** Whether a packet gets to the cloud: by the default route, or from the Wi-Fi address. */
    reachesCloud(localAddress?: string): boolean {
      const overWifi = active?.state === 2 && (active.point?.on ?? true) && (active.point?.cloud ?? true);
      if (!world.ethernet) return overWifi;
      if (localAddress === undefined) return true;
      return overWifi && (reapplied?.sourceRoutes ?? []).some(({ address }) => address === localAddress);
    },

    add(settings: ProfileSettings): string {
      const stored: StoredProfile = {
        path: path('Settings'),
        settings,
        place: 'memory',
        durable: false,
        blocked: true,
        noSecrets: false,
        lastUsed: 0,
      };
      profiles.push(stored);
      return stored.path;
    },
    find: (wanted: string) => profiles.find((each) => each.path === wanted) ?? gone('profile'),
    remove,
    activate,
    rollBack,
    reapply(_device: typeof device) {
      reapplied = current()?.settings ?? null;
    },
    createCheckpoint(of: typeof device, timeoutSeconds: number): string {
      if (checkpoint) throw new NetworkManagerError('failed', 'there is a checkpoint already');
      const made: StoredCheckpoint = {
        path: path('Checkpoint'),
        device: of.path,
        timeoutSeconds,
        profiles: new Set(profiles.map((each) => each.settings.uuid)),
        activeUuid: active?.uuid ?? null,
        cancel: checkpointClock.schedule(timeoutSeconds * 1000, () => rollBack(made)),
      };
      checkpoint = made;
      return made.path;
    },
    endCheckpoint(ended: StoredCheckpoint) {
      ended.cancel();
      checkpoint = null;
    },
    isUp: () => up,
    sync() {
      for (const each of profiles) each.durable = each.place === 'disk';
    },
    restartManager: stopManager,
    /** The power goes and comes back: what was not on disk for good is lost. */
    powerCut() {
      profiles = profiles.filter((each) => each.place === 'disk' && each.durable);
      stopManager();
    },
    /** An access point goes off or comes back. */
    switchAccessPoint(ssid: string, on: boolean) {
      for (const point of air) if (point.ssid === ssid) point.on = on;
      if (!on && active?.point?.ssid === ssid) fail(undefined, 53);
    },
    /**
     * A frame of the 4-way handshake is lost while the hub is on a network: NetworkManager asks for another key, and there is nobody to give one
     * (seen in the virtual hub with 1.42: need-auth, failed for no-secrets, disconnected).
     */
    loseHandshake() {
      if (!active) throw new Error('the hub is on no network');
      setDevice(60, 8);
      fail(current(), 7);
    },
    /** `nmcli connection down` of the active profile: only that one is blocked, and D-Bus does not show it. */
    takeDown() {
      Object.assign(current() ?? {}, { blocked: true });
      disconnect();
      autoconnect();
    },
    /** `nmcli device disconnect`. */
    disconnectByHand() {
      device.autoconnect = false;
      disconnect();
    },
  };
}

export function gone(what: string): never {
  throw new NetworkManagerError('unknown_object', `no such ${what}`);
}
