import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, NodesResult } from '../../agent/contract/node.ts';
import type { LastCommand } from '../../agent/contract/shadow.ts';
import type { AgentProcess } from '../../test/hil/rig/agent-process.ts';
import { ORGANISATION, type Rig } from '../../test/hil/rig/rig.ts';
import { demoPeripherals } from '../../test/twins/osdp-line/index.ts';
import { describeAnswer } from './answers.ts';
import type { Screen } from './screen.ts';
import type { Tour } from './tour.ts';
import { OFFICE, WAREHOUSE, type World, WRONG_PASSWORD } from './world.ts';

/** The slowest commands are a scan of 127 addresses, and a Wi-Fi change that is rolled back. */
const ANSWER_TIMEOUT_MS = 60_000;
/** On the line. One that a busy machine makes answer too late is found by the next scan. */
const PERIPHERALS = demoPeripherals().length;
const MAX_SCANS = 3;
/** Every password of the tour: none may be anywhere afterwards. */
const PASSWORDS = [OFFICE.password, WRONG_PASSWORD];

function expectThat(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** Provisions the hub, starts the agent, claims the hub: what the factory and the installer do. Returns the agent. */
export async function bringUp(world: World, tour: Tour): Promise<AgentProcess | null> {
  const { rig } = world;
  let agent: AgentProcess | null = null;
  await tour.step('ProvisionHub', async () => {
    const { status } = await rig.call('ProvisionHub', {
      serial: `SN-${rig.hubId.slice(0, 8)}`,
      model: 'HUB-1',
      vendorName: 'Example Locks',
    });
    expectThat(status === 201, `the API answered ${status}`);
    return `201, hub ${rig.hubId}`;
  });
  await tour.step('ClaimHub while off', async () => {
    const { status } = await rig.call('ClaimHub', { orgId: ORGANISATION, siteId: 'site-1', userId: 'user-1' });
    expectThat(status === 502, `the API answered ${status}`);
    return '502: a hub that is off cannot be claimed';
  });
  await tour.step('agent connects', async () => {
    agent = world.startAgent();
    const ended = agent.exited.then((code) => Promise.reject(new Error(`the agent ended with ${code}: ${agent?.output().slice(-2000)}`)));
    const online = rig.untilReported('reported online', ({ online, session }) => (online === true ? String(session) : null));
    const session = await Promise.race([online, ended]);
    return `process ${agent.pid}, session ${session.slice(0, 8)}, online in the shadow`;
  });
  await tour.step('ClaimHub', async () => {
    const { status } = await rig.call('ClaimHub', { orgId: ORGANISATION, siteId: 'site-1', userId: 'user-1' });
    expectThat(status === 200, `the API answered ${status}`);
    const claim = await rig.untilReported('the claim', (reported) => reported.claim as { siteId: string } | undefined);
    expectThat(claim.siteId === 'site-1', `the hub reports ${JSON.stringify(claim)}`);
    return '200, and the hub reports the claim';
  });
  return agent;
}

/**
 * Sends a command through the API and waits for its answer. After a crash the hub delivers once more what it does not know to be delivered:
 * an answer counts only if it is to this command and new.
 */
async function ask(rig: Rig, command: string, args: Record<string, unknown>): Promise<LastCommand> {
  const before = new Set(rig.results.map(({ id }) => String(id)));
  const { status } = await rig.send(command, args);
  expectThat(status === 200, `the API answered ${status}`);
  const isAnswer = (last: LastCommand | undefined) => last?.command === command && last.status !== 'IN_PROGRESS' && !before.has(last.id);
  return await rig.untilReported(
    `the answer to ${command}`,
    (reported) => {
      const last = reported.lastCommand as LastCommand | undefined;
      return isAnswer(last) ? last : null;
    },
    ANSWER_TIMEOUT_MS,
  );
}

function expectStatus({ status, error }: LastCommand, wanted: string, code?: string): void {
  expectThat(status === wanted && error?.code === code, `answered ${status} ${error?.code ?? ''} ${error?.message ?? ''}`);
}

const onTheLine = ({ nodes }: NodesResult): Node[] => nodes.filter(({ protocol }) => protocol === 'osdp');

/** The commands of the API pages, and what a hub must say to wrong ones. */
export async function commands(world: World, tour: Tour, screen: Screen): Promise<void> {
  const { rig } = world;
  await tour.step('get_nodes', async () => {
    let scans = 0;
    let found: NodesResult;
    do {
      scans += 1;
      const answer = await ask(rig, 'get_nodes', { refresh: true });
      expectStatus(answer, 'SUCCEEDED');
      const page = rig.results.find(({ id }) => id === answer.id) as { result: NodesResult } | undefined;
      if (!page) throw new Error('the complete result was not published on its topic');
      found = page.result;
    } while (onTheLine(found).length < PERIPHERALS && scans < MAX_SCANS);
    const { nodes, total, scanComplete } = found;
    expectThat(
      onTheLine(found).length === PERIPHERALS && scanComplete,
      `${total} nodes after ${scans} scans, the last ${scanComplete ? '' : 'in'}complete`,
    );
    const having = (what: (node: Node) => boolean) => nodes.filter(what).map(({ nodeId }) => nodeId);
    const tampered = having(({ tamper }) => tamper === true);
    const locked = having(({ security }) => security === 'required');
    expectThat(tampered.length === 1 && locked.length === 1, `tampered ${tampered}, wanting a secure channel ${locked}`);
    screen.nodes(nodes);
    const again = scans > 1 ? ` (after ${scans} scans: this machine is busy)` : '';
    return `${total} nodes; ${tampered[0]} tampered, ${locked[0]} wants a secure channel${again}`;
  });
  await tour.step('server_info', async () => {
    const answer = await ask(rig, 'server_info', {});
    expectStatus(answer, 'SUCCEEDED');
    return describeAnswer(answer);
  });
  await wifiChange(world, tour);
  await tour.step('wrong args', async () => {
    const answer = await ask(rig, 'set_wifi_credentials', { ssid: '', credentials: 'short' });
    expectStatus(answer, 'REJECTED', 'invalid_args');
    return `REJECTED invalid_args: ${answer.error?.details?.map(({ field }) => field).join(', ')}`;
  });
  await tour.step('unknown command', async () => {
    expectStatus(await ask(rig, 'open_pod_bay_doors', {}), 'REJECTED', 'unknown_command');
    return 'REJECTED unknown_command';
  });
}

/** A wrong password leads back, the right one moves the hub; where there is no Wi-Fi the hub says so. */
async function wifiChange({ rig, wifi }: World, tour: Tour): Promise<void> {
  const change = (ssid: string, credentials: string) => ask(rig, 'set_wifi_credentials', { ssid, credentials });
  const cleared = () => expectThat(!('args' in rig.desired()), 'the credentials still stand in the shadow');
  if (!wifi) {
    await tour.step('set_wifi_credentials', async () => {
      expectStatus(await change(OFFICE.ssid, OFFICE.password), 'FAILED', 'wifi_unavailable');
      cleared();
      return 'FAILED wifi_unavailable, as it must be without dbus-daemon; credentials cleared';
    });
    return;
  }
  await tour.step('Wi-Fi, wrong password', async () => {
    const before = wifi.hub.network();
    const answer = await change(WAREHOUSE.ssid, WRONG_PASSWORD);
    expectStatus(answer, 'FAILED', 'wifi_authentication_failed');
    cleared();
    expectThat(before !== null, 'the hub was on no network');
    await wifi.untilNetwork(before!);
    expectThat(wifi.hub.checkpoint() === null && wifi.hub.profiles().length === 1, 'something of the attempt is left');
    return `FAILED wifi_authentication_failed; back on "${before}", nothing of the attempt is left`;
  });
  await tour.step('Wi-Fi, right password', async () => {
    const { session } = rig.reported();
    const answer = await change(OFFICE.ssid, OFFICE.password);
    expectStatus(answer, 'SUCCEEDED');
    cleared();
    expectThat(wifi.hub.network() === OFFICE.ssid, `the hub is on "${wifi.hub.network()}"`);
    expectThat(rig.reported().session !== session, 'the cloud was not proven on a new session');
    return describeAnswer(answer);
  });
}

/** Of the command that is sent to a hub that is off; the hub ignores what it does not know. */
const WHILE_OFF = { sent: 'while off' };

/** Power cut, return, clean stop: presence is correct each time. */
export async function presence(world: World, tour: Tour, running: AgentProcess): Promise<AgentProcess> {
  const { rig } = world;
  const stores = world.sendWhileOffline === 'store';
  let agent = running;
  await tour.step('agent killed (-9)', async () => {
    await agent.kill();
    await rig.untilReported('offline', ({ online }) => online === false);
    const { status } = await rig.send('server_info', WHILE_OFF);
    expectThat(status === (stores ? 200 : 502), `the API answered ${status}`);
    return `the will said offline, the API ${stores ? 'stores the command' : 'answers 502'}`;
  });
  await tour.step('agent restarted', async () => {
    const before = rig.reported().session;
    const answered = new Set(rig.results.map(({ id }) => id));
    agent = world.startAgent();
    await rig.untilReported('online again', ({ online, session }) => online === true && session !== before);
    if (stores) {
      const isNew = ({ id }: Record<string, unknown>) => !answered.has(id);
      await rig.until('the stored command answered', () => rig.results.some((page) => isNew(page) && page.status === 'SUCCEEDED'));
    }
    expectStatus(await ask(rig, 'server_info', {}), 'SUCCEEDED');
    return `online with a new session, ${stores ? 'the stored command is answered' : 'commands work'}`;
  });
  await tour.step('clean stop', async () => {
    const code = await agent.stop();
    expectThat(code === 0, `the agent ended with ${code}: ${agent.output().slice(-1000)}`);
    expectThat(rig.reported().online === false, 'the shadow still says online');
    return 'exit 0, offline published';
  });
  return agent;
}

/** No password, and no key of the Zigbee network, is in a log, file or shadow of the run. */
export async function secrets({ rig, zigbee }: World, tour: Tour, agents: readonly AgentProcess[]): Promise<void> {
  await tour.step('no secret left', async () => {
    const names = await readdir(rig.folder, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const key = zigbee?.stick.coordinator.network()?.key;
    const places: [string, string][] = [['the shadow', JSON.stringify(rig.iotCore.shadow(rig.hubId).get())]];
    for (const file of files) places.push([file, await readFile(file, 'latin1')]);
    for (const agent of agents) places.push(['the log', agent.output()]);
    for (const [place, text] of places) {
      for (const password of PASSWORDS) expectThat(!text.includes(password), `a password stands in ${place}`);
      const own = place.startsWith(join(rig.folder, 'state', 'zigbee')) || place.startsWith(join(rig.folder, 'stick'));
      expectThat(own || !key || !text.includes(key), `the key of the Zigbee network stands in ${place}`);
    }
    return `${files.length} files, the log and the shadow searched`;
  });
}
