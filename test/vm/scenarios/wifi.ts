import { type AccessPoint, routerAddress } from '../air.ts';
import { CLOUD_NAME, HOST_ADDRESS, type LastCommand } from '../cloud-world.ts';
import { plugEthernet, pullEthernet } from '../ethernet.ts';
import { quoted } from '../guest.ts';
import { currentSsid } from '../network.ts';
import { type AgentContext, createExpectations, type Outcome, type Scenario } from '../scenario.ts';

/** The command's own deadline is 120 s, its way back and the reconnect come on top, and a rebooted hub has a minute more. */
const ANSWER_TIMEOUT_MS = 300_000;
const ONLINE_TIMEOUT_MS = 180_000;
/** NetworkManager goes back to the old network 60 s after the new one fell silent; the dead connection shows by its keepalive of 30 s. */
const OUTAGE_TIMEOUT_MS = 240_000;
/** How long the machine may take to a state; a change ends after 120 s at most. */
const STATE_TIMEOUT_MS = 120_000;
/** The figures that the Wi-Fi change is held to, in simulated time. */
const GOOD_PASSWORD_MS = 15_000;
const WRONG_PASSWORD_MS = 60_000;

/** What `set_wifi_credentials` is asked for. */
interface Change {
  ssid: string;
  credentials?: string;
  hidden?: boolean;
  security?: string;
}

/** What a scenario expects; where several ends are right, each is named. */
interface Expected {
  network: string | string[];
  answer: string | string[];
  withinMs?: number;
  /** What must stand in the result. */
  result?: (result: Record<string, unknown>) => boolean;
}

const words = (answer: LastCommand | null) => (answer ? [answer.status, answer.error?.code].filter(Boolean).join(' ') : 'none');

async function change(context: AgentContext, wanted: Change, expected: Expected, meanwhile?: () => Promise<void>): Promise<Outcome> {
  const { world, hub, signal } = context;
  const { problems, expect } = createExpectations();
  const started = performance.now();
  const previous = await world.cloud.send('set_wifi_credentials', { ...wanted });
  await meanwhile?.();
  const answer = await world.cloud.answer(previous, ANSWER_TIMEOUT_MS, signal);
  const tookMs = performance.now() - started;
  const online = await world.cloud.responds(ONLINE_TIMEOUT_MS, signal);
  const network = await currentSsid(hub);
  const text = words(answer);
  expect([expected.network].flat().includes(network ?? ''), `expected on ${expected.network}, is on ${network}`);
  expect([expected.answer].flat().includes(text), `expected ${[expected.answer].flat().join(' or ')}: ${answer?.error?.message ?? ''}`);
  if (expected.result) expect(expected.result(answer?.result ?? {}), `unexpected result: ${JSON.stringify(answer?.result)}`);
  const { withinMs } = expected;
  const missed = withinMs !== undefined && tookMs > withinMs ? [`answered within ${withinMs / 1000} s`] : [];
  return { network, answer: text, tookMs, stranded: !online, unanswered: answer === null, problems, missed };
}

function wifi(name: string, run: (context: AgentContext) => Promise<Outcome>): Scenario {
  return { name: `wifi: ${name}`, kind: 'agent', run };
}

function goodChange({ world }: AgentContext): Change {
  const { ssid, security } = world.away;
  return { ssid, credentials: (security as { passphrase: string }).passphrase };
}

/** A network on the third radio. */
function extra(overrides: Partial<AccessPoint>): AccessPoint {
  return { name: 'extra', radio: 2, ssid: 'Extra', security: { kind: 'open' }, ...overrides };
}

/** The cloud's second address, on the access point itself: a relay there carries the bytes to the host. Gives the way to end it. */
async function offerOverIpv6({ hub, world }: AgentContext, accessPoint: AccessPoint): Promise<() => Promise<unknown>> {
  const { port } = world.cloud.endpoint;
  const address = routerAddress(accessPoint);
  const relay = `require("net").createServer((near) => {
    const far = require("net").connect(${port}, "${HOST_ADDRESS}");
    near.on("error", () => far.destroy()).on("close", () => far.destroy());
    far.on("error", () => near.destroy()).on("close", () => near.destroy());
    near.pipe(far).pipe(near);
  }).listen(${port}, "::")`;
  const script = [
    `systemd-run -q --unit=relay6 ip netns exec ap /opt/node/bin/node -e ${quoted(relay)}`,
    `echo '${address} ${CLOUD_NAME}' >> /etc/hosts`,
    `until ip netns exec ap ss -Hltn 'sport = :${port}' | grep -q .; do sleep 0.2; done`,
  ];
  await hub.must(script.join('\n'), { timeoutMs: ONLINE_TIMEOUT_MS });
  return () => hub.run(`systemctl stop relay6; sed -i '/^${address} /d' /etc/hosts`);
}

/** A change while a cable is the hub's uplink. */
async function besideEthernet(context: AgentContext, wanted: Change, expected: Expected): Promise<Outcome> {
  try {
    await plugEthernet(context.hub);
    if (!(await context.world.cloud.responds(ONLINE_TIMEOUT_MS, context.signal))) throw new Error('not online over Ethernet');
    return await change(context, wanted, expected);
  } finally {
    await pullEthernet(context.hub);
  }
}

/** The same change, asked for on the hub itself; the password goes through standard input. */
async function fromHubctl({ hub, world, signal }: AgentContext): Promise<Outcome> {
  const { problems, expect } = createExpectations();
  const started = performance.now();
  const command = `/usr/lib/hub-agent/node /usr/lib/hub-agent/hubctl.cjs wifi set ${quoted(world.away.ssid)} --json`;
  const input = `${(world.away.security as { passphrase: string }).passphrase}\n`;
  const { exitCode, stdout, stderr } = await hub.run(command, { input, timeoutMs: ANSWER_TIMEOUT_MS });
  const tookMs = performance.now() - started;
  const online = await world.cloud.responds(ONLINE_TIMEOUT_MS, signal);
  const network = await currentSsid(hub);
  expect(exitCode === 0 && network === world.away.ssid, `exit code ${exitCode}: ${(stderr || stdout).slice(0, 300)}`);
  return { network, answer: `exit code ${exitCode}`, tookMs, stranded: !online, problems };
}

const plain: Scenario[] = [
  wifi('good password', (context) =>
    change(context, goodChange(context), { network: 'Away', answer: 'SUCCEEDED', withinMs: GOOD_PASSWORD_MS }),
  ),
  wifi('wrong password', (context) => {
    const wanted = { ssid: 'Away', credentials: context.world.secret('wrong') };
    return change(context, wanted, { network: 'Home', answer: 'FAILED wifi_authentication_failed', withinMs: WRONG_PASSWORD_MS });
  }),
  wifi('unknown SSID', (context) => {
    const wanted = { ssid: 'Nowhere', credentials: context.world.secret('unknown SSID') };
    return change(context, wanted, { network: 'Home', answer: 'FAILED wifi_network_not_found' });
  }),
  wifi('access point without DHCP', async (context) => {
    const passphrase = context.world.secret('no DHCP');
    await context.world.provide(extra({ security: { kind: 'wpa2', passphrase }, dhcp: false }));
    return change(context, { ssid: 'Extra', credentials: passphrase }, { network: 'Home', answer: 'FAILED wifi_no_address' });
  }),
  wifi('network without a way to the cloud', async (context) => {
    const passphrase = context.world.secret('no cloud');
    await context.world.provide(extra({ security: { kind: 'wpa2', passphrase }, cloud: false }));
    return change(context, { ssid: 'Extra', credentials: passphrase }, { network: 'Home', answer: 'FAILED wifi_cloud_unreachable' });
  }),
  wifi('open network', async (context) => {
    await context.world.provide(extra({}));
    return change(context, { ssid: 'Extra' }, { network: 'Extra', answer: 'SUCCEEDED' });
  }),
  wifi('SAE', async (context) => {
    const passphrase = context.world.secret('SAE');
    await context.world.provide(extra({ security: { kind: 'sae', passphrase } }));
    return change(context, { ssid: 'Extra', credentials: passphrase }, { network: 'Extra', answer: 'SUCCEEDED' });
  }),
  wifi('hidden', async (context) => {
    const passphrase = context.world.secret('hidden');
    await context.world.provide(extra({ security: { kind: 'wpa2', passphrase }, hidden: true }));
    return change(context, { ssid: 'Extra', credentials: passphrase, hidden: true }, { network: 'Extra', answer: 'SUCCEEDED' });
  }),
  wifi('a network of IPv6 alone', async (context) => {
    const passphrase = context.world.secret('IPv6');
    const accessPoint = extra({ security: { kind: 'sae', passphrase }, ip: 6 });
    await context.world.provide(accessPoint);
    const end = await offerOverIpv6(context, accessPoint);
    try {
      const result = ({ ipv4, ipv6 }: Record<string, unknown>) => ipv4 == null && String(ipv6).startsWith('fd00:');
      return await change(context, { ssid: 'Extra', credentials: passphrase }, { network: 'Extra', answer: 'SUCCEEDED', result });
    } finally {
      await end();
    }
  }),
  wifi('WPA2 and WPA3: joined by WPA3', async (context) => {
    const passphrase = context.world.secret('transition');
    await context.world.provide(extra({ security: { kind: 'wpa2+sae', passphrase } }));
    const result = ({ security }: Record<string, unknown>) => security === 'sae';
    const expected = { network: 'Extra', answer: 'SUCCEEDED', result };
    const outcome = await change(context, { ssid: 'Extra', credentials: passphrase }, expected);
    const management = await context.hub.must("nmcli -g 802-11-wireless-security.key-mgmt connection show 'hub-agent Extra'");
    if (management.trim() !== 'sae') outcome.problems.push(`expected a profile of SAE, it has ${management.trim()}`);
    return outcome;
  }),
  wifi('the network it is on, same password', (context) => {
    const { ssid, security } = context.world.home;
    const wanted = { ssid, credentials: (security as { passphrase: string }).passphrase };
    return change(context, wanted, { network: 'Home', answer: 'SUCCEEDED' });
  }),
  wifi('from hubctl', fromHubctl),
  wifi('Ethernet is the uplink', (context) => besideEthernet(context, goodChange(context), { network: 'Away', answer: 'SUCCEEDED' })),
  wifi('Ethernet is the uplink, the new network without a way to the cloud', async (context) => {
    const passphrase = context.world.secret('no cloud beside Ethernet');
    await context.world.provide(extra({ security: { kind: 'wpa2', passphrase }, cloud: false }));
    return besideEthernet(
      context,
      { ssid: 'Extra', credentials: passphrase },
      { network: 'Home', answer: 'FAILED wifi_cloud_unreachable' },
    );
  }),
  wifi('access point off after the commit', async (context) => {
    const outcome = await change(context, goodChange(context), { network: 'Away', answer: 'SUCCEEDED' });
    await context.world.switchOff('away');
    const online = await context.world.cloud.responds(OUTAGE_TIMEOUT_MS, context.signal);
    const network = await currentSsid(context.hub);
    if (network !== 'Home') outcome.problems.push(`expected back on Home, is on ${network}`);
    return { ...outcome, network, stranded: !online };
  }),
];

/** The states of a change (agent/wifi/change/change.ts) in which it can be cut. */
const STATES = ['surveying', 'checkpointing', 'adding', 'activating', 'connecting', 'proving', 'saving', 'committing'];

const cuts: { name: string; answers: string[]; cut(context: AgentContext): Promise<unknown> }[] = [
  {
    name: 'agent killed',
    answers: ['FAILED interrupted', 'SUCCEEDED'],
    cut: ({ hub }) => hub.must('systemctl kill -s KILL hub-agent'),
  },
  {
    name: 'NetworkManager restarted',
    answers: ['FAILED wifi_rolled_back', 'FAILED wifi_unavailable', 'SUCCEEDED'],
    cut: ({ hub }) => hub.must('systemctl restart NetworkManager'),
  },
  { name: 'power cut', answers: ['FAILED interrupted', 'SUCCEEDED'], cut: ({ hub }) => hub.powerCut() },
];

const cutScenarios = cuts.flatMap(({ name, answers, cut }) =>
  STATES.map((state) =>
    wifi(`${name} while ${state}`, async (context) => {
      const reached = context.world.reaches(state, STATE_TIMEOUT_MS);
      let isReached = true;
      const outcome = await change(context, goodChange(context), { network: ['Home', 'Away'], answer: answers }, async () => {
        isReached = await reached;
        await cut(context);
      });
      if (!isReached) outcome.problems.push(`${state} was not reached`);
      const isDone = outcome.answer === 'SUCCEEDED';
      if (isDone !== (outcome.network === context.world.away.ssid))
        outcome.problems.push(`answered ${outcome.answer} on ${outcome.network}`);
      return outcome;
    }),
  ),
);

/** `set_wifi_credentials` through the public API, on real radios: every way it can end, and every state in which it can be cut. */
export const wifiScenarios: Scenario[] = [...plain, ...cutScenarios];
