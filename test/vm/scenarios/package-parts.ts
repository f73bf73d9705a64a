import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentWorld, agentConfig } from '../agent-world.ts';
import { until } from '../cloud-world.ts';
import { run } from '../host/run.ts';
import type { VirtualHub } from '../hub.ts';
import { waitForNetwork } from '../network.ts';
import type { AgentContext } from '../scenario.ts';
import { answerOf, dpkg, type Expect, GUEST_FOLDER, hubctlJson, ONLINE_TIMEOUT_MS, REPOSITORY } from './package-steps.ts';

/** A day after the epoch: what a hub without a battery may show. The kernel takes no time of day that is before its own boot. */
const WRONG_CLOCK_MS = 86_400_000;
const REPORT_TIMEOUT_MS = 60_000;
const START_TIMEOUT_MS = 120_000;
const STATE = '/var/lib/hub-agent';

/** A start with a clock that is not set: the agent waits, tells why, and goes on when the clock is set. */
export async function waitsForTheClock({ hub, world, signal }: AgentContext, expect: Expect): Promise<string> {
  await hub.must('systemctl stop hub-agent');
  const seen: (string | null | undefined)[] = [];
  const isWaiting = async () => {
    const { value } = await hubctlJson<{ cloud?: { waitReason?: string | null } }>(hub, 'status');
    seen.push(value.cloud?.waitReason);
    return seen.at(-1) === 'clock_unsynced';
  };
  try {
    await hub.setClock(WRONG_CLOCK_MS);
    await hub.must('systemctl start hub-agent', { timeoutMs: START_TIMEOUT_MS });
    expect(await until(isWaiting, REPORT_TIMEOUT_MS, signal), `hubctl status says that it waits for ${seen.at(-1)}`);
    expect(!world.cloud.iotCore.connections().includes(world.cloud.identity.hubId), 'it connects with a wrong clock');
  } finally {
    await hub.setClock(Date.now());
  }
  expect(await world.cloud.online(ONLINE_TIMEOUT_MS, signal), 'it does not come online when the clock is set');
  return 'clock_unsynced, then online';
}

/** Who the hub is, by manufacturing. */
const identity = (hub: VirtualHub) =>
  hub.must('cd /etc/hub-agent && cat identity.json agent.json certificate.pem private-key.pem | sha256sum');
const ownProfiles = async (hub: VirtualHub) =>
  (await hub.must('nmcli -g NAME connection show')).split('\n').filter((name) => name.startsWith('hub-agent '));

/** On a network that it was moved to, the hub forgets it, its claim and its journal, and comes back over the network of the factory. */
export async function forgetsAndIsClaimedAnew(context: AgentContext, expect: Expect): Promise<string> {
  const { hub, world, signal } = context;
  const { cloud, away, home } = world;
  const before = await identity(hub);
  const wanted = { ssid: away.ssid, credentials: (away.security as { passphrase: string }).passphrase };
  const moved = await answerOf(context, 'set_wifi_credentials', wanted);
  expect(moved === 'SUCCEEDED', `the move was answered ${moved}`);
  expect((await ownProfiles(hub)).length === 1, 'the move left no profile of the agent');
  const back = cloud.reconnects(ONLINE_TIMEOUT_MS, signal);
  const reset = await hub.run('hubctl reset --factory --yes');
  expect(reset.exitCode === 0, `hubctl reset ended with ${reset.exitCode}: ${reset.stderr}`);
  expect(await back, 'it does not come back after the reset');
  await waitForNetwork(hub, home.ssid);
  expect((await ownProfiles(hub)).length === 0, 'a profile of the agent is left');
  expect((await identity(hub)) === before, 'the reset changed identity, configuration or key');
  const isUnclaimed = () => until(() => cloud.reportedClaim() === null, REPORT_TIMEOUT_MS, signal);
  expect(await isUnclaimed(), 'the claim is still reported');
  const answer = await answerOf(context, 'server_info', {});
  expect(answer === 'SUCCEEDED', `server_info was answered ${answer}`);
  expect(cloud.reportedClaim() === null, 'the forgotten claim was taken again');
  expect((await hub.run(`test -e ${STATE}/claim.json`)).exitCode !== 0, 'the claim is on the disk');
  for (const owner of ['the next owner', 'the one after']) {
    const siteId = await cloud.reclaim();
    expect(await until(() => cloud.reportedClaim()?.siteId === siteId, REPORT_TIMEOUT_MS, signal), `the claim of ${owner} is not reported`);
    expect((await hub.run(`grep -q ${siteId} ${STATE}/claim.json`)).exitCode === 0, `the claim of ${owner} is not on the disk`);
  }
  return 'forgotten, then claimed twice';
}

/** Looks for what a purge must not leave. */
export async function nothingLeft(hub: VirtualHub, expect: Expect): Promise<void> {
  const places = ['/proc/*', '/sys/*', '/run/virtual-hub/*', '/var/log/*'].map((path) => `-not -path '${path}'`).join(' ');
  const script = [
    `find / -xdev \\( -name '*hub-agent*' -o -name '*hubctl*' \\) ${places}`,
    // Beyond the root's own file system.
    'ls -d /run/hub-agent /run/credentials/hub-agent.service /var/cache/hub-agent 2> /dev/null',
    'getent passwd hub-agent; getent group hub-agent',
    'true',
  ];
  const left = (await hub.must(script.join('\n'))).trim();
  expect(left === '', `left behind: ${left}`);
}

/** Puts the hub's own files where the flashing program writes them. */
async function flashInto(hub: VirtualHub, { cloud }: AgentWorld): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'virtual-hub-flash-'));
  try {
    const { certificate, privateKey } = cloud.hubCredentials;
    const row = { ...cloud.identity, certificate: 'certificate.pem', key: 'private-key.pem' };
    await writeFile(join(folder, 'manifest.json'), JSON.stringify([row]));
    await writeFile(join(folder, 'certificate.pem'), certificate);
    await writeFile(join(folder, 'private-key.pem'), privateKey, { mode: 0o600 });
    await writeFile(join(folder, 'agent.json'), JSON.stringify(agentConfig(hub, cloud)));
    await writeFile(join(folder, 'ca.pem'), cloud.caCertificate);
    const from = (name: string) => join(folder, name);
    const args = ['--manifest', from('manifest.json'), '--config', from('agent.json'), '--output', from('out')];
    await run(process.execPath, ['scripts/flash/main.ts', ...args], { cwd: REPOSITORY });
    const root = join(folder, 'out/hubs', cloud.identity.hubId);
    // These become the modes of the guest's own folders.
    for (const path of [root, join(root, 'etc')]) await chmod(path, 0o755);
    await hub.copyIn(root, '/');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const DRIVERS = 'cdc_acm usbserial';
const loadedDrivers = async (hub: VirtualHub) =>
  (await hub.must("cut -d ' ' -f 1 /proc/modules | grep -xE 'cdc_acm|usbserial' | sort")).trim().replaceAll('\n', ' ');

/** The first installation on a hub that never had an agent: it waits to be flashed, then works; and goes without a trace. */
export async function freshInstallation(context: AgentContext, expect: Expect): Promise<void> {
  const { hub, world, signal } = context;
  const says = async (script: string) => (await hub.must(`${script} || true`)).trim();
  const isWanted = async (what: string, script: string, wanted: string) => {
    const found = await says(script);
    expect(found === wanted, `${what}: ${found.replaceAll('\n', ', ')}, not ${wanted.replaceAll('\n', ', ')}`);
  };
  // The boot loaded them; on this hub nobody has asked for them yet.
  await hub.run('modprobe -r ftdi_sio cdc_acm usbserial');
  await dpkg(hub, `-i ${GUEST_FOLDER}/2.deb`);
  expect((await loadedDrivers(hub)) === DRIVERS, `loaded are ${(await loadedDrivers(hub)) || 'no drivers'}, not ${DRIVERS}`);
  await isWanted('the groups of the user', "id -nG hub-agent | tr ' ' '\\n' | sort", 'dialout\nhub-agent');
  const folders = '/etc/hub-agent 750 root hub-agent\n/etc/hub-agent/keys 700 root root';
  await isWanted('folders', "stat -c '%n %a %U %G' /etc/hub-agent /etc/hub-agent/keys", folders);
  await isWanted('the service', 'systemctl is-enabled hub-agent', 'enabled');
  // ConditionPathExists: not started, and no failure.
  const show = (name: string) => `systemctl show -P ${name} hub-agent`;
  await isWanted(
    'without an identity the service',
    [show('ActiveState'), show('Result'), show('ConditionResult')].join('; '),
    'inactive\nsuccess\nno',
  );
  await isWanted('state of a service that never ran', `ls -d ${STATE} 2> /dev/null`, '');

  await flashInto(hub, world);
  await hub.must('systemd-tmpfiles --create hub-agent.conf && systemctl start hub-agent', { timeoutMs: START_TIMEOUT_MS });
  const files = ['identity.json 640 root hub-agent', 'agent.json 640 root hub-agent', 'private-key.pem 600 root root'];
  const names = files.map((line) => line.split(' ')[0]);
  await isWanted('the flashed files', `cd /etc/hub-agent && stat -c '%n %a %U %G' ${names.join(' ')}`, files.join('\n'));
  expect(await world.cloud.online(ONLINE_TIMEOUT_MS, signal), 'flashed and started it does not come online');
  await isWanted('state', `stat -c '%a %U' ${STATE}`, '700 hub-agent');
  const answer = await answerOf(context, 'server_info', {});
  expect(answer === 'SUCCEEDED', `server_info was answered ${answer}`);
  await dpkg(hub, '-P hub-agent');
  await nothingLeft(hub, expect);
}
