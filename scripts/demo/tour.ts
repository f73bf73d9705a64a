import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, NodesResult } from '../../agent/contract/node.ts';
import type { LastCommand } from '../../agent/contract/shadow.ts';
import type { AgentProcess } from '../../test/hil/rig/agent-process.ts';
import { ORGANISATION, type Rig } from '../../test/hil/rig/rig.ts';
import type { Screen } from './screen.ts';

/** What became of one step of the tour. */
export interface StepReport {
  name: string;
  ok: boolean;
  detail: string;
  ms: number;
}

/** The password that the tour sends: it must be nowhere afterwards. */
const PASSWORD = 'correct-horse-battery';

/** The slowest command is a scan of 127 addresses, some seconds. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Runs steps one after the other and stops at the first that did not happen. */
export interface Tour {
  readonly steps: readonly StepReport[];
  readonly ok: boolean;
  step(name: string, run: () => Promise<string>): Promise<void>;
}

export function createTour(screen: Screen): Tour {
  const steps: StepReport[] = [];
  return {
    steps,
    get ok() {
      return steps.length > 0 && steps.every(({ ok }) => ok);
    },
    async step(name, run) {
      if (steps.some(({ ok }) => !ok)) return;
      const startedAt = performance.now();
      const done = (ok: boolean, detail: string) => {
        const ms = Math.round(performance.now() - startedAt);
        steps.push({ name, ok, detail, ms });
        screen.step(ok, name, `${detail} (${ms} ms)`);
      };
      await run().then(
        (detail) => done(true, detail),
        (error: unknown) => done(false, error instanceof Error ? error.message : String(error)),
      );
    },
  };
}

function expectThat(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** Provisions the hub, starts the agent, claims the hub: what the factory and the installer do. Returns the agent. */
export async function bringUp(rig: Rig, tour: Tour): Promise<AgentProcess | null> {
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
    agent = rig.startAgent();
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

/** The commands of the API pages, and what a hub must say to wrong ones. */
export async function commands(rig: Rig, tour: Tour, screen: Screen): Promise<void> {
  await tour.step('get_nodes', async () => {
    const answer = await ask(rig, 'get_nodes', { refresh: true });
    expectStatus(answer, 'SUCCEEDED');
    const page = rig.results.find(({ id }) => id === answer.id) as { result: NodesResult } | undefined;
    expectThat(page !== undefined, 'the complete result was not published on its topic');
    const { nodes, total, scanComplete } = page!.result;
    expectThat(total === 6 && scanComplete, `${total} nodes, scan ${scanComplete ? '' : 'in'}complete`);
    const having = (what: (node: Node) => boolean) => nodes.filter(what).map(({ nodeId }) => nodeId);
    const tampered = having(({ tamper }) => tamper === true);
    const locked = having(({ security }) => security === 'required');
    expectThat(tampered.length === 1 && locked.length === 1, `tampered ${tampered}, wanting a secure channel ${locked}`);
    screen.nodes(nodes);
    return `6 nodes; ${tampered[0]} tampered, ${locked[0]} wants a secure channel`;
  });
  await tour.step('server_info', async () => {
    const answer = await ask(rig, 'server_info', {});
    expectStatus(answer, 'SUCCEEDED');
    const { agent, host } = answer.result as { agent: { version: string; nodeVersion: string }; host: { osName: string; kernel: string } };
    return `agent ${agent.version}, Node ${agent.nodeVersion}, ${host.osName}, kernel ${host.kernel}`;
  });
  await tour.step('set_wifi_credentials', async () => {
    const answer = await ask(rig, 'set_wifi_credentials', { ssid: 'Back Office', credentials: PASSWORD });
    expectStatus(answer, 'FAILED', 'wifi_unavailable');
    expectThat(!('args' in rig.desired()), 'the credentials still stand in the shadow');
    return 'FAILED wifi_unavailable: the demo leaves the Wi-Fi of this machine alone; credentials cleared';
  });
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

/** Power cut, return, clean stop: presence tells the truth each time. */
export async function presence(rig: Rig, tour: Tour, running: AgentProcess): Promise<AgentProcess> {
  let agent = running;
  await tour.step('agent killed (-9)', async () => {
    await agent.kill();
    await rig.untilReported('offline', ({ online }) => online === false);
    const { status } = await rig.send('server_info');
    expectThat(status === 502, `the API answered ${status}`);
    return 'the will said offline, the API answers 502';
  });
  await tour.step('agent restarted', async () => {
    const before = rig.reported().session;
    agent = rig.startAgent();
    await rig.untilReported('online again', ({ online, session }) => online === true && session !== before);
    expectStatus(await ask(rig, 'server_info', {}), 'SUCCEEDED');
    return 'online with a new session, commands work';
  });
  await tour.step('clean stop', async () => {
    const code = await agent.stop();
    expectThat(code === 0, `the agent ended with ${code}: ${agent.output().slice(-1000)}`);
    expectThat(rig.reported().online === false, 'the shadow still says online');
    return 'exit 0, offline published';
  });
  return agent;
}

/** The password is in no log, file or shadow of the run. */
export async function secrets(rig: Rig, tour: Tour, agents: readonly AgentProcess[]): Promise<void> {
  await tour.step('no secret left', async () => {
    const names = await readdir(rig.folder, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of files) expectThat(!(await readFile(file)).includes(PASSWORD), `the password stands in ${file}`);
    for (const agent of agents) expectThat(!agent.output().includes(PASSWORD), 'the password stands in the log');
    expectThat(!JSON.stringify(rig.iotCore.shadow(rig.hubId).get()).includes(PASSWORD), 'the password stands in the shadow');
    return `${files.length} files, the log and the shadow searched`;
  });
}
