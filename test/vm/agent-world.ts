import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessPoint } from './air.ts';
import { CLOUD_NAME, type CloudWorld, createCloudWorld, HOST_ADDRESS, until } from './cloud-world.ts';
import type { VirtualHub } from './hub.ts';
import { currentSsid, deleteOtherProfiles, waitForNetwork, waitForQuietAir, waitForScan, writeProfile } from './network.ts';
import { RUN_FILES } from './qemu.ts';

/** The agent under its unit in a virtual hub, its cloud, and two networks. */
export interface AgentWorld {
  readonly cloud: CloudWorld;
  /** The network the hub was installed with. */
  readonly home: AccessPoint;
  /** The network it may be moved to. */
  readonly away: AccessPoint;
  /** Everything that must not be found anywhere. */
  readonly secrets: { label: string; text: string }[];
  /** A password that nobody has used, watched from now on. */
  secret(label: string): string;
  /** Cloud up, agent installed, started, online and claimed over the home network. */
  start(): Promise<void>;
  /** Back to the start: home and away on, other access points off, only the home profile, agent online. */
  settle(): Promise<void>;
  /** Switches an access point on, to be switched off by the next `settle`. */
  provide(accessPoint: AccessPoint): Promise<void>;
  /** Switches an access point off; `settle` switches home and away on again. */
  switchOff(name: string): Promise<void>;
  /** Waits until the agent logs that a Wi-Fi change entered a state; false after the time. */
  reaches(state: string, timeoutMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

export interface AgentWorldDeps {
  hub: VirtualHub;
  /** The built agent: bundle and native modules. */
  dist: string;
  /** The folder systemd/ of the repository. */
  systemd: string;
  /** Addresses of peripherals on the serial line; default: 0, where nobody is. */
  addresses?: readonly number[];
  /** Called once the cloud is up, before the agent is installed. */
  onCloud?: () => Promise<void>;
  /** Changes what is laid out before it is copied to the hub. */
  furnish?: (folder: string) => Promise<void>;
  signal: AbortSignal;
}

const ONLINE_TIMEOUT_MS = 150_000;
/** A checkpoint that a killed agent left: NetworkManager ends it itself after 120 s. */
const CHECKPOINT_TIMEOUT_MS = 130_000;
const CONNECT = { spreadSeconds: 0, minBackoffMs: 500, maxBackoffMs: 5_000 };

/** `agent.json` of the virtual hub; the authority lies beside it as `ca.pem`. */
export function agentConfig(hub: VirtualHub, cloud: CloudWorld, addresses: readonly number[] = [0]): Record<string, unknown> {
  const { host, port } = cloud.endpoint;
  const buses = [{ id: 'rs485', protocol: 'osdp', path: hub.serial.path('usb'), addresses }];
  return { cloud: { endpoint: host, port, caPath: 'ca.pem', connect: CONNECT }, buses, log: { level: 'info' } };
}

/** Lays the package's files out as they lie on a hub. */
async function stage(folder: string, deps: AgentWorldDeps, cloud: CloudWorld): Promise<void> {
  const at = async (path: string) => {
    await mkdir(join(folder, path, '..'), { recursive: true });
    return join(folder, path);
  };
  await cp(deps.dist, await at('usr/lib/hub-agent'), { recursive: true, verbatimSymlinks: true });
  const node = join(folder, 'usr/lib/hub-agent/node');
  // The image has the same Node already; a package brings its own.
  if (!(await stat(node).catch(() => null))) await symlink('/opt/node/bin/node', node);
  const { systemd } = deps;
  for (const unit of ['hub-agent.service', 'hub-agent-update.service', 'hub-agent-update.path', 'hub-agent-trial.timer'])
    await cp(join(systemd, unit), await at(`usr/lib/systemd/system/${unit}`));
  for (const program of ['start-pace', 'launch']) await cp(join(systemd, program), await at(`usr/lib/hub-agent/${program}`));
  await cp(join(systemd, 'SYSTEM'), await at('usr/lib/hub-agent/SYSTEM'));
  // The lowest: every release may follow.
  await writeFile(await at('usr/lib/hub-agent/SEQUENCE'), '1\n');
  await cp(join(systemd, 'sysusers.d'), await at('usr/lib/sysusers.d'), { recursive: true });
  await cp(join(systemd, 'tmpfiles.d'), await at('usr/lib/tmpfiles.d'), { recursive: true });
  await cp(join(systemd, 'modules-load.d'), await at('usr/lib/modules-load.d'), { recursive: true });
  await cp(join(systemd, 'polkit'), await at('usr/share/polkit-1/rules.d'), { recursive: true });

  const identity = { ...cloud.identity, certificatePath: 'credential:certificate.pem', privateKeyPath: 'credential:private-key.pem' };
  await mkdir(join(folder, 'etc/hub-agent/keys'), { recursive: true });
  await writeFile(join(folder, 'etc/hub-agent/identity.json'), JSON.stringify(identity));
  await writeFile(join(folder, 'etc/hub-agent/agent.json'), JSON.stringify(agentConfig(deps.hub, cloud, deps.addresses)));
  await writeFile(join(folder, 'etc/hub-agent/ca.pem'), cloud.caCertificate);
  await writeFile(join(folder, 'etc/hub-agent/certificate.pem'), cloud.hubCredentials.certificate);
  await writeFile(join(folder, 'etc/hub-agent/private-key.pem'), cloud.hubCredentials.privateKey, { mode: 0o600 });
  await deps.furnish?.(folder);
  // These become the modes of the guest's own folders.
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
}

const INSTALL = [
  'systemd-sysusers && systemd-tmpfiles --create hub-agent.conf && systemctl restart systemd-modules-load && systemctl daemon-reload',
  'chmod 0644 /etc/hub-agent/ca.pem',
  'systemctl enable -q hub-agent hub-agent-update.path && systemctl start hub-agent-update.path hub-agent && sync',
].join('\n');

/** The agent's world in one virtual hub. The hub must be running. */
export async function createAgentWorld(deps: AgentWorldDeps): Promise<AgentWorld> {
  const { hub, signal } = deps;
  const secrets: { label: string; text: string }[] = [];
  const secret = (label: string) => {
    const text = `pw ${randomBytes(9).toString('base64url')}`;
    secrets.push({ label, text });
    return text;
  };
  const cloud = await createCloudWorld();
  const home: AccessPoint = { name: 'home', radio: 0, ssid: 'Home', security: { kind: 'wpa2', passphrase: secret('home') } };
  const away: AccessPoint = { name: 'away', radio: 1, ssid: 'Away', security: { kind: 'wpa2', passphrase: secret('away') } };
  const provided = new Set<string>();
  const on = new Map<string, AccessPoint>();
  const switchOn = async (accessPoint: AccessPoint) => {
    if (on.get(accessPoint.name) === accessPoint) return;
    await hub.air.start(accessPoint);
    on.set(accessPoint.name, accessPoint);
  };

  async function describe(what: string): Promise<Error> {
    const status = await hub.run('systemctl status --no-pager -n 25 hub-agent; nmcli device; nmcli connection').catch(() => null);
    return new Error(`${what}\n${status?.stdout ?? ''}`);
  }

  return {
    cloud,
    home,
    away,
    secrets,
    secret,

    async start() {
      await cloud.start();
      await deps.onCloud?.();
      await hub.must(`echo '${HOST_ADDRESS} ${CLOUD_NAME}' >> /etc/hosts; sync /etc/hosts`);
      await switchOn(home);
      await switchOn(away);
      await writeProfile(hub, 'home', home);
      await waitForScan(hub, home.ssid);
      await hub.run('nmcli connection up home', { timeoutMs: 60_000 });
      await waitForNetwork(hub, home.ssid);
      const folder = await mkdtemp(join(tmpdir(), 'virtual-hub-package-'));
      try {
        await stage(folder, deps, cloud);
        await hub.copyIn(folder, '/');
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      const { exitCode, stderr } = await hub.run(INSTALL, { timeoutMs: 120_000 });
      if (exitCode !== 0) throw await describe(`The agent does not start: ${stderr.trim()}`);
      if (!(await cloud.online(ONLINE_TIMEOUT_MS, signal))) throw await describe('The agent does not come online');
      await cloud.claim();
    },

    async settle() {
      for (const name of provided) await hub.air.stop(name);
      provided.clear();
      await switchOn(home);
      await switchOn(away);
      const checkpoints =
        'busctl get-property org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager Checkpoints';
      await until(async () => (await hub.must(checkpoints)).trim() === 'ao 0', CHECKPOINT_TIMEOUT_MS, signal);
      if ((await currentSsid(hub)) !== home.ssid) {
        await waitForScan(hub, home.ssid);
        await hub.run('nmcli connection up home', { timeoutMs: 60_000 });
      }
      await deleteOtherProfiles(hub, 'home');
      await waitForNetwork(hub, home.ssid);
      if (!(await cloud.responds(ONLINE_TIMEOUT_MS, signal))) throw await describe('The agent does not come online again');
      // What the next change needs is in the air, and no scan of ours holds it up, so that its time is its own.
      await waitForScan(hub, away.ssid);
      await waitForQuietAir(hub);
    },

    async provide(accessPoint) {
      provided.add(accessPoint.name);
      await hub.air.start(accessPoint);
      if (!accessPoint.hidden) await waitForScan(hub, accessPoint.ssid);
      await waitForQuietAir(hub);
    },

    async switchOff(name) {
      await hub.air.stop(name);
      on.delete(name);
    },

    async reaches(state, timeoutMs) {
      const path = join(hub.runFolder, RUN_FILES.journal);
      const from = (await stat(path)).size;
      // The first state is entered without a word; then the command is in progress.
      if (state === 'surveying') return until(() => cloud.lastCommand()?.status === 'IN_PROGRESS', timeoutMs, signal);
      const mark = `"to":"${state}"`;
      return until(async () => (await readFile(path)).subarray(from).includes(mark), timeoutMs, signal);
    },

    stop: () => cloud.stop(),
  };
}
