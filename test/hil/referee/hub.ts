import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentProcess, startAgentProcess } from '../rig/agent-process.ts';
import { until } from '../rig/until.ts';
import type { JsonObject } from './document.ts';
import type { Referee } from './referee.ts';

/** Of the agent's log, in the error of something that did not come. */
const LAST_LINES = 40;

/** One hub with its real agent, in the hands of the referee. */
export interface RefereeHub extends AsyncDisposable {
  readonly hubId: string;
  readonly folder: string;
  startAgent(env?: Record<string, string>): AgentProcess;
  reported(): Record<string, unknown>;
  desired(): Record<string, unknown>;
  /** Looks now and after everything that the referee sees. */
  until<T>(what: string, look: () => T | null | undefined | false): Promise<T>;
  /** Waits for a session other than `before`; resolves with it. */
  untilOnline(before?: unknown): Promise<unknown>;
  /** Writes a command into `desired`, as the cloud does. */
  send(command: string, args?: JsonObject): Promise<void>;
  /** Sends a command and waits for its final answer, with nothing left in `desired` and its result on the topic. */
  run(command: string, args?: JsonObject): Promise<Record<string, unknown>>;
  /** The final answer of a command that is none of these; by its name, where others may be answered between. */
  answer(not?: readonly unknown[], command?: string): Promise<Record<string, unknown>>;
  /** Result pages of a command. */
  pages(id: unknown): Record<string, unknown>[];
  lastId(): unknown;
}

export async function createRefereeHub(referee: Referee, config: Record<string, unknown> = {}): Promise<RefereeHub> {
  const hubId = randomUUID();
  const folder = await mkdtemp(join(tmpdir(), 'hub-referee-'));
  const etc = join(folder, 'etc');
  await mkdir(etc);
  const { caPath, ...credentials } = await referee.broker.files(hubId, await referee.broker.issueClient(hubId));
  const identity = { hubId, serial: 'SN-1', model: 'HUB-1', vendorName: 'Example Locks', ...credentials };
  // The waits of an outage are the product's figures and not what is tested here.
  const connect = { spreadSeconds: 0, maxBackoffMs: 2_000, maxUnreachableBackoffMs: 2_000 };
  const cloud = { endpoint: '127.0.0.1', port: referee.broker.port, caPath, fallbackPort: null, connect };
  const places = { stateDirectory: '../state', local: { socketPath: '../control.sock' } };
  await writeFile(join(etc, 'identity.json'), JSON.stringify(identity));
  await writeFile(join(etc, 'agent.json'), JSON.stringify({ cloud, buses: [], wifi: { backend: 'none' }, ...places, ...config }));

  const agents: AgentProcess[] = [];
  const withEvidence = (error: Error): never => {
    const said = agents.at(-1)?.output().trimEnd().split('\n').slice(-LAST_LINES).join('\n') ?? 'no agent was started';
    throw new Error(`${error.message}\nshadow: ${JSON.stringify(referee.shadow(hubId))}\nagent:\n${said}`);
  };
  const lastCommand = () => hub.reported().lastCommand as Record<string, unknown> | undefined;
  /** The Shadow service's clock counts seconds, and the same command twice within one of them is one. */
  let sentInSecond = 0;

  const hub: RefereeHub = {
    hubId,
    folder,
    startAgent(env = {}) {
      const agent = startAgentProcess({
        identityPath: join(etc, 'identity.json'),
        configPath: join(etc, 'agent.json'),
        env: { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(folder, 'no-system-bus')}`, ...env },
      });
      agents.push(agent);
      return agent;
    },
    reported: () => referee.shadow(hubId)?.reported ?? {},
    desired: () => referee.shadow(hubId)?.desired ?? {},
    until: (what, look) => until(referee.changed, what, look).catch(withEvidence),
    untilOnline: (before) =>
      hub.until('online', () => {
        const { online, session } = hub.reported();
        return online === true && session !== before && session;
      }),
    async send(command, args = {}) {
      while (sentInSecond === Math.floor(Date.now() / 1_000))
        await new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000)));
      sentInSecond = Math.floor(Date.now() / 1_000);
      await referee.order({ do: 'update', thing: hubId, state: { desired: { command, args } } });
    },
    async run(command, args) {
      const before = hub.lastId();
      await hub.send(command, args);
      return hub.answer([before], command);
    },
    answer: (not = [], command) =>
      hub.until('an answer', () => {
        const last = lastCommand();
        const isAnswered =
          last && last.status !== 'IN_PROGRESS' && !not.includes(last.id) && (command === undefined || last.command === command);
        return isAnswered && hub.desired().command === undefined && hub.pages(last.id).length > 0 && last;
      }),
    pages: (id) =>
      referee.messages
        .filter(({ topic }) => topic === `hubs/${hubId}/commands/${id}/result`)
        .map(({ payload }) => JSON.parse(payload.toString()) as Record<string, unknown>),
    lastId: () => lastCommand()?.id,
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  return hub;
}
