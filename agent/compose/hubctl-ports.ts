import { readdir } from 'node:fs/promises';
import type { WifiProblem } from '../contract/wifi.ts';
import type { HubctlPorts } from '../hubctl/cli/command.ts';
import type { Places } from '../hubctl/cli/locate.ts';
import type { HubctlMachine } from '../hubctl/machine/machine.ts';
import { settingsOf } from '../hubctl/machine/settings.ts';
import { becomeOwner } from '../system/become-owner.ts';
import { createMonotonicClock, createWallClock } from '../system/clock.ts';
import { createFiles } from '../system/files.ts';
import { unguarded } from '../system/guard.ts';
import { createHostFacts } from '../system/linux/host-linux.ts';
import { readRegularFile } from '../system/regular-file.ts';
import { Secret } from '../system/secret.ts';
import { builtAtMs, version } from '../system/version.ts';

/** A helper that hangs must not hold hubctl longer than the agent may. */
const HELPER_TIMEOUT_MS = 3_000;
const PROFILES = ['/etc/NetworkManager/system-connections', '/run/NetworkManager/system-connections'];
const MAX_PROFILES = 256;

/** The outside world of hubctl: this machine. Loads what is large only when it is asked for. */
export function createHubctlPorts(machine: Partial<HubctlMachine> = {}): HubctlPorts {
  const { isRoot = process.geteuid?.() === 0, env = process.env, files = createFiles(), helperTimeoutMs = HELPER_TIMEOUT_MS } = machine;
  const { etc = '/etc', systemdFolder = '/run/systemd/system', cgroupFolder = '/sys/fs/cgroup', profileFolders = PROFILES } = machine;
  const wallClock = createWallClock();
  const clock = createMonotonicClock();

  const service: HubctlPorts['service'] = async (timeoutMs = helperTimeoutMs) => {
    const { askService } = await import('../hubctl/machine/service.ts');
    return askService({ env, clock, systemdFolder, cgroupFolder }, timeoutMs);
  };

  const journal: HubctlPorts['journal'] = async (options, onLine) => {
    const { readJournal } = await import('../hubctl/machine/service.ts');
    return readJournal({ env, clock }, { timeoutMs: helperTimeoutMs, ...options }, onLine);
  };

  const configFaults: HubctlPorts['configFaults'] = async (places) => {
    const { findConfigFaults } = await import('../hubctl/machine/config-faults.ts');
    const clockSynchronized = await createHostFacts({ wallClock, stateDirectory: places.stateDirectory }).clockSynchronized();
    return findConfigFaults(places, { isRoot, env, files, etc, clockSynchronized, now: new Date(wallClock.nowMs()) });
  };

  /** NetworkManager as this user sees it, over the system bus. */
  async function withNetworkManager<T>(
    use: (manager: import('../wifi/networkmanager/network-manager.ts').NetworkManager) => Promise<T>,
  ): Promise<T> {
    const [{ createDbusMessageBus, SYSTEM_BUS_ADDRESS }, { createNetworkManager }] = await Promise.all([
      import('../wifi/networkmanager/dbus-message-bus.ts'),
      import('../wifi/networkmanager/nm-dbus.ts'),
    ]);
    const address = env.DBUS_SYSTEM_BUS_ADDRESS ?? SYSTEM_BUS_ADDRESS;
    const manager = createNetworkManager(createDbusMessageBus({ address, clock, guard: unguarded }));
    try {
      return await use(manager);
    } finally {
      manager.close();
    }
  }

  async function wifiNetworks(interfaceName: string | null) {
    const { listNetworks } = await import('../wifi/survey/list.ts');
    return withNetworkManager((networkManager) => listNetworks({ networkManager, interfaceName, clock }));
  }

  async function wifiProblem(interfaceName: string | null): Promise<WifiProblem | null> {
    const [{ checkUsable, findDevice }, { wifiProblemOf }] = await Promise.all([
      import('../wifi/networkmanager/device.ts'),
      import('../wifi/networkmanager/unusable.ts'),
    ]);
    try {
      await withNetworkManager(async (manager) => checkUsable(manager, await findDevice(manager, interfaceName)));
      return null;
    } catch (error) {
      return wifiProblemOf(error);
    }
  }

  /** Every secret that this user can read: TLS key, OSDP keys, the key of command ids, Wi-Fi passwords. */
  async function secrets(places: Places): Promise<Secret[]> {
    const settings = settingsOf(places, env);
    const found: string[] = [];
    const read = (path: string | null) => (path === null ? '' : readRegularFile(path).then(String, () => ''));
    // A key in PEM is wrapped: each of its lines alone gives it away.
    found.push(...(await read(settings.privateKeyPath)).split('\n').filter((line) => line.length >= 16 && !line.startsWith('-----')));
    for (const { keysPath } of settings.buses) found.push(...((await read(keysPath)).match(/\b[0-9a-fA-F]{32}\b/g) ?? []));
    const idKey = await readRegularFile(`${places.stateDirectory}/command-id.key`, { follow: false }).catch(() => null);
    if (idKey) found.push(idKey.subarray(0, 32).toString('hex'));
    for (const folder of profileFolders) {
      for (const name of (await readdir(folder).catch(() => [] as string[])).slice(0, MAX_PROFILES)) {
        const text = await read(`${folder}/${name}`);
        for (const [, value] of text.matchAll(/^(?:psk|password|wep-key\d|leap-password|private-key-password)=(.+)$/gm)) found.push(value!);
      }
    }
    return [...new Set(found)].map((value) => new Secret(value));
  }

  return {
    version,
    becomeOwner: (path) => becomeOwner(path, process),
    builtAtMs,
    etc,
    env,
    isRoot,
    wallClock,
    clock,
    host: (stateDirectory) => createHostFacts({ wallClock, stateDirectory }),
    configFaults,
    service,
    journal,
    wifiProblem,
    wifiNetworks,
    secrets,
  };
}
