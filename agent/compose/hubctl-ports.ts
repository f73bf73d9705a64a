import type { WifiProblem } from '../contract/wifi.ts';
import type { HubctlPorts } from '../hubctl/cli/command.ts';
import type { Places } from '../hubctl/cli/locate.ts';
import type { HubctlMachine } from '../hubctl/machine/machine.ts';
import { rootOf } from '../release/places.ts';
import { becomeOwner } from '../system/become-owner.ts';
import { createMonotonicClock, createWallClock } from '../system/clock.ts';
import { createFiles } from '../system/files.ts';
import { unguarded } from '../system/guard.ts';
import { createHostFacts } from '../system/linux/host-linux.ts';
import { createPaths } from '../system/paths.ts';
import { builtAtMs, version } from '../system/version.ts';
import { proveTls } from './tls-proof.ts';

/** A helper that hangs must not hold hubctl longer than the agent may. */
const HELPER_TIMEOUT_MS = 3_000;
const PROFILES = ['/etc/NetworkManager/system-connections', '/run/NetworkManager/system-connections'];

/** The outside world of hubctl: this machine. Loads what is large only when it is asked for. */
export function createHubctlPorts(machine: Partial<HubctlMachine> = {}): HubctlPorts {
  const { isRoot = process.geteuid?.() === 0, env = process.env, files = createFiles(), helperTimeoutMs = HELPER_TIMEOUT_MS } = machine;
  const {
    etc = '/etc',
    systemdFolder = '/run/systemd/system',
    cgroupFolder = '/sys/fs/cgroup',
    profileFolders = PROFILES,
    processFolder = '/proc',
  } = machine;
  const wallClock = createWallClock();
  const clock = createMonotonicClock();
  const paths = createPaths();

  const service: HubctlPorts['service'] = async (timeoutMs = helperTimeoutMs) => {
    const { askService } = await import('../hubctl/machine/service.ts');
    return askService({ env, clock, files, paths, systemdFolder, cgroupFolder }, timeoutMs);
  };

  const journal: HubctlPorts['journal'] = async (options, onLine) => {
    const { readJournal } = await import('../hubctl/machine/service.ts');
    return readJournal({ env, clock }, { timeoutMs: helperTimeoutMs, ...options }, onLine);
  };

  const configMachine = async ({ stateDirectory }: Places) => {
    const clockSynchronized = await createHostFacts({ wallClock, stateDirectory }).clockSynchronized();
    return { isRoot, env, files, paths, etc, clockSynchronized, now: new Date(wallClock.nowMs()), proof: proveTls };
  };

  const configFaults: HubctlPorts['configFaults'] = async (places) => {
    const { findConfigFaults } = await import('../hubctl/machine/config-faults.ts');
    return findConfigFaults(places, await configMachine(places));
  };

  const tlsMaterial: HubctlPorts['tlsMaterial'] = async (places) => {
    const { loadTlsMaterial } = await import('../hubctl/machine/config-faults.ts');
    return loadTlsMaterial(places, await configMachine(places));
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

  const secrets: HubctlPorts['secrets'] = async (places) => {
    const { findSecrets } = await import('../hubctl/machine/secrets.ts');
    return findSecrets(places, paths, profileFolders);
  };

  return {
    version,
    files,
    paths,
    async writeNew(path, data, usualName) {
      const { writeNewFile } = await import('../system/new-file.ts');
      await writeNewFile(path, data, { usualName });
    },
    becomeOwner: (path) => becomeOwner(path, process),
    builtAtMs,
    etc,
    processFolder,
    env,
    isRoot,
    wallClock,
    clock,
    releaseRoot: rootOf(process.argv[1] ?? ''),
    host: (stateDirectory) => createHostFacts({ wallClock, stateDirectory }),
    configFaults,
    tlsMaterial,
    service,
    journal,
    wifiProblem,
    wifiNetworks,
    secrets,
  };
}
