import { until } from '../cloud-world.ts';
import { quoted } from '../guest.ts';
import type { VirtualHub } from '../hub.ts';
import type { Scenario } from '../scenario.ts';
import { KILLS, killedManyTimes } from './package-kills.ts';
import { forgetsAndIsClaimedAnew, freshInstallation, nothingLeft, waitsForTheClock } from './package-parts.ts';
import {
  ANSWER_TIMEOUT_MS,
  answerOf,
  dpkg,
  GUEST_FOLDER,
  hubctlJson,
  installed,
  kept,
  ONLINE_TIMEOUT_MS,
  providePackages,
  scenario,
} from './package-steps.ts';

/** WatchdogSec, what is left of the last sign's period, and the restart. */
const WATCHDOG_TIMEOUT_MS = 180_000;
/** A boot on a busy host, and the way to the cloud. */
const REBOOT_TIMEOUT_MS = 420_000;

/** Keeps the event loop of the agent busy for ever, through Node's own inspector. */
const BLOCK = `
const list = await (await fetch('http://127.0.0.1:9229/json')).json();
const socket = new WebSocket(list[0].webSocketDebuggerUrl);
await new Promise((resolve) => socket.addEventListener('open', resolve));
socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: 'setTimeout(() => { for (;;); }, 200)' } }));
await new Promise((resolve) => socket.addEventListener('message', resolve));
process.exit(0);
`;

/** What hubctl doctor says of one thing. */
interface Finding {
  check: string;
  status: string;
  finding: string;
}

async function seconds(hub: VirtualHub): Promise<number> {
  return (await hub.clock()).uptimeMs / 1000;
}

/** The life of the package on a hub: from the first installation to the purge. In this order; after the last the hub has no agent. */
export const packageScenarios: Scenario[] = [
  scenario('installed without a network, online, all three commands', async (context, expect) => {
    const { hub, world, signal } = context;
    await providePackages(hub);
    // The files that the harness laid out go: from now on they are the package's. The hub's own stay.
    await hub.must('systemctl stop hub-agent; rm -rf /usr/lib/hub-agent /usr/lib/systemd/system/hub-agent.service');
    await world.switchOff('home');
    await world.switchOff('away');
    await dpkg(hub, `-i ${GUEST_FOLDER}/1.deb`);
    const state = (await hub.must('systemctl is-active hub-agent || true')).trim();
    expect(state === 'active', `without a network the service is ${state}`);
    await world.settle();
    expect(await world.cloud.online(ONLINE_TIMEOUT_MS, signal), 'it does not come online');
    const enabled = (await hub.must('systemctl is-enabled hub-agent')).trim();
    expect(enabled === 'enabled', `the service is ${enabled}`);
    const status = await hub.run('hubctl status --json', { timeoutMs: 60_000 });
    // 1: the agent answered, and the serial adapter is missing.
    expect(
      [0, 1].includes(status.exitCode),
      `hubctl status ended with ${status.exitCode}: ${(status.stderr || status.stdout).slice(0, 300)}`,
    );
    const { ssid, security } = world.away;
    const answers = [
      await answerOf(context, 'get_nodes', {}),
      await answerOf(context, 'server_info', {}),
      await answerOf(context, 'set_wifi_credentials', { ssid, credentials: (security as { passphrase: string }).passphrase }),
    ];
    for (const answer of answers) expect(answer === 'SUCCEEDED', `a command was answered ${answer}`);
    return answers.join(', ');
  }),

  scenario('power cut after the installation: online by itself', async ({ hub, world, signal }, expect) => {
    // dpkg was told not to sync in this image.
    await hub.must('sync');
    const back = world.cloud.reconnects(REBOOT_TIMEOUT_MS, signal);
    await hub.powerCut();
    expect(await back, 'it does not come online after the boot');
    const state = (await hub.must('systemctl is-active hub-agent || true')).trim();
    expect(state === 'active', `after the boot the service is ${state}`);
    expect((await installed(hub)).endsWith('-1'), `${await installed(hub)} is installed`);
    return 'online after the boot';
  }),

  scenario('upgraded with a command in flight', async (context, expect) => {
    const { hub, world, signal } = context;
    const before = await kept(hub);
    // The agent works on while its files are replaced, and is begun anew in the middle of the change.
    await dpkg(hub, `--unpack ${GUEST_FOLDER}/2.deb`);
    const reached = world.reaches('connecting', ANSWER_TIMEOUT_MS);
    const { ssid, security } = world.away;
    const wanted = { ssid, credentials: (security as { passphrase: string }).passphrase };
    const previous = await world.cloud.send('set_wifi_credentials', wanted);
    expect(await reached, 'the change did not begin');
    await dpkg(hub, '--configure hub-agent');
    const answer = await world.cloud.answer(previous, ANSWER_TIMEOUT_MS, signal);
    const text = answer ? [answer.status, answer.error?.code].filter(Boolean).join(' ') : 'none';
    expect(['FAILED interrupted', 'SUCCEEDED'].includes(text), `the command was answered ${text}`);
    expect((await installed(hub)).endsWith('-2'), `${await installed(hub)} is installed`);
    expect(await world.cloud.online(ONLINE_TIMEOUT_MS, signal), 'it does not come online');
    expect((await kept(hub)) === before, 'configuration or claim changed');
    return text;
  }),

  scenario('downgraded', async (context, expect) => {
    const { hub, world, signal } = context;
    const before = await kept(hub);
    await dpkg(hub, `-i ${GUEST_FOLDER}/1.deb`);
    expect((await installed(hub)).endsWith('-1'), `${await installed(hub)} is installed`);
    expect(await world.cloud.online(ONLINE_TIMEOUT_MS, signal), 'it does not come online');
    expect((await kept(hub)) === before, 'configuration or claim changed');
    const unheard = await hub.run('journalctl -u hub-agent -o cat --no-pager | grep -m 1 notify_failed');
    expect(unheard.exitCode !== 0, `systemd was not told: ${unheard.stdout}`);
    const answer = await answerOf(context, 'server_info', {});
    expect(answer === 'SUCCEEDED', `server_info was answered ${answer}`);
    return answer;
  }),

  scenario(`killed ${KILLS} times`, killedManyTimes),

  scenario('watchdog: a blocked event loop is ended and begun anew', async ({ hub, world, signal }, expect) => {
    const back = world.cloud.reconnects(WATCHDOG_TIMEOUT_MS, signal);
    const from = await seconds(hub);
    await hub.must('systemctl kill -s USR1 --kill-who=main hub-agent; sleep 2');
    await hub.must(`/usr/lib/hub-agent/node --input-type=module -e ${quoted(BLOCK)}`, { timeoutMs: 60_000 });
    expect(await back, 'it did not come back');
    const result = await hub.must('journalctl -u hub-agent -o cat --no-pager -n 200');
    expect(/watchdog timeout/i.test(result), 'systemd says nothing of the watchdog');
    const tookSeconds = (await seconds(hub)) - from;
    const { value } = await hubctlJson<{ checks: Finding[] }>(hub, 'doctor --check watchdog,wifi,files,config');
    for (const { check, status, finding } of value.checks) {
      if (check === 'watchdog') expect(status === 'fail' && finding.includes('watchdog'), `hubctl doctor says of the watchdog: ${finding}`);
      else expect(status !== 'fail', `hubctl doctor finds ${check}: ${finding}`);
    }
    const checked = new Set(value.checks.map(({ check }) => check));
    expect(checked.size === 4, `hubctl doctor checked ${[...checked].join(', ')}`);
    const path = '/root/bundle.tar.gz';
    const { value: bundle } = await hubctlJson<{ files: number }>(hub, `bundle --output ${path}`);
    const inside = (await hub.must(`tar -tzf ${path}`)).trim().split('\n').length;
    expect(inside > 0 && inside === bundle.files, `the bundle has ${inside} files, not the ${bundle.files} that hubctl names`);
    const mode = (await hub.must(`stat -c %a ${path}; rm ${path}`)).trim();
    expect(mode === '600', `the bundle has mode ${mode}`);
    return `back after ${tookSeconds.toFixed(0)} s`;
  }),

  scenario('a wrong clock at the start: waits, says so, and heals', waitsForTheClock),

  scenario('a rotated certificate, a bad one first', async ({ hub, world, signal }, expect) => {
    const { certificate: old } = world.cloud.hubCredentials;
    const { certificate, privateKey } = await world.cloud.issuePair();
    const folder = '/root/new-pair';
    await hub.must(`umask 077; mkdir -p ${folder}; cat > ${folder}/private-key.pem`, { input: privateKey });
    await hub.must(`head -c 200 > ${folder}/certificate.pem`, { input: certificate });
    const bad = await hub.run(`hub-agent --install-credentials ${folder}`);
    expect(bad.exitCode === 78, `a damaged certificate was answered with exit code ${bad.exitCode}`);
    await hub.must(`cat > ${folder}/certificate.pem`, { input: certificate });
    await hub.must(`hub-agent --install-credentials ${folder} && rm -r ${folder}`);
    // From here on only the new one opens the way.
    world.cloud.iotCore.revokeCertificate(old);
    const gone = await until(() => !world.cloud.iotCore.connections().includes(world.cloud.identity.hubId), ONLINE_TIMEOUT_MS, signal);
    expect(gone, 'the revoked certificate is still connected');
    const back = world.cloud.reconnects(ONLINE_TIMEOUT_MS, signal);
    await hub.must('systemctl restart hub-agent');
    expect(await back, 'it does not come online with the new pair');
    return 'refused, then taken';
  }),

  scenario('factory reset by hubctl, then claimed anew, twice', forgetsAndIsClaimedAnew),

  scenario('removed, installed again, purged; a fresh installation, flashed, purged', async (context, expect) => {
    const { hub, world, signal } = context;
    const before = await kept(hub);
    await dpkg(hub, '-r hub-agent');
    expect((await hub.run('systemctl is-active hub-agent')).exitCode !== 0, 'it runs after its removal');
    expect((await kept(hub)) === before, 'removal took configuration or claim');
    await dpkg(hub, `-i ${GUEST_FOLDER}/2.deb`);
    expect(await world.cloud.online(ONLINE_TIMEOUT_MS, signal), 'it does not come online again');
    await dpkg(hub, '-P hub-agent');
    await nothingLeft(hub, expect);
    await freshInstallation(context, expect);
    return 'clean, twice';
  }),
];
