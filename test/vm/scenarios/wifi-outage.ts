import { until } from '../cloud-world.ts';
import { currentSsid, WIFI_INTERFACE } from '../network.ts';
import { type AgentContext, createExpectations, type Outcome, type Scenario } from '../scenario.ts';

/** An access point gives up a handshake after four messages without a good answer; NetworkManager then has nobody to ask for a key. */
const BLOCKED_TIMEOUT_MS = 180_000;
/** The agent waits two minutes for NetworkManager, which needs up to 20 s to join, and the connection is tried every few seconds then. */
const BACK_TIMEOUT_MS = 360_000;

const DOCTOR = '/usr/lib/hub-agent/node /usr/lib/hub-agent/hubctl.cjs doctor --json';
const STATE = `nmcli -g GENERAL.STATE,GENERAL.REASON device show ${WIFI_INTERFACE}`;

/**
 * What a lost frame of the handshake looks like to the hub: the access point says that the handshake timed out (reason 15), although the stored
 * password is right. Here it has another password for a while, so that it takes no second message.
 */
async function handshakeFails({ hub, world, signal }: AgentContext): Promise<Outcome> {
  const { problems, expect } = createExpectations();
  const passphrase = world.secret('for a while');
  const since = (await hub.must('date +%s')).trim();
  await hub.air.start({ ...world.home, security: { kind: 'wpa2', passphrase } });
  const log = `journalctl -u NetworkManager --since @${since} -o cat`;
  const blocked = await until(
    async () => (await hub.run(`${log} | grep -q no-secrets && ${STATE} | grep -q '^30'`)).exitCode === 0,
    BLOCKED_TIMEOUT_MS,
    signal,
  );
  expect(blocked, 'NetworkManager did not give up the network');
  await hub.air.start(world.home);
  const started = performance.now();
  const findings = await until(async () => (await hub.run(DOCTOR)).stdout.includes('"wifi_not_joined"'), BACK_TIMEOUT_MS / 6, signal);
  expect(findings, 'doctor does not name it');
  const online = await world.cloud.responds(BACK_TIMEOUT_MS, signal);
  const network = await currentSsid(hub);
  expect(network === world.home.ssid, `expected on ${world.home.ssid}, is on ${network}`);
  return { network, answer: online ? 'online again' : 'offline', tookMs: performance.now() - started, stranded: !online, problems };
}

/** Somebody disconnected the hub on purpose, with nmcli: that is left as it is. */
async function disconnectedByHand({ hub, world, signal }: AgentContext): Promise<Outcome> {
  const { problems, expect } = createExpectations();
  const started = performance.now();
  await hub.must(`nmcli device disconnect ${WIFI_INTERFACE}`);
  const joined = await until(async () => (await currentSsid(hub)) !== null, BACK_TIMEOUT_MS / 2, signal);
  expect(!joined, 'the agent undid what a person did');
  await hub.must('nmcli connection up home', { timeoutMs: BLOCKED_TIMEOUT_MS });
  const online = await world.cloud.responds(BACK_TIMEOUT_MS, signal);
  return { network: await currentSsid(hub), answer: 'left alone', tookMs: performance.now() - started, stranded: !online, problems };
}

/** What becomes of a hub whose Wi-Fi fails while nothing is asked of it. */
export const wifiOutageScenarios: Scenario[] = [
  { name: 'wifi: a handshake fails though the password is right', kind: 'agent', run: handshakeFails },
  { name: 'wifi: disconnected by hand', kind: 'agent', run: disconnectedByHand },
];
