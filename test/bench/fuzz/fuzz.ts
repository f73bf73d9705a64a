import { runHubctl } from '../../hil/rig/hubctl.ts';
import { startOnline } from '../../hil/rig/start.ts';
import { createRandom } from '../../support/random.ts';
import { fuzzedPayload } from './payloads.ts';

/** What became of an agent under fuzzed payloads. */
export interface FuzzReport {
  seed: number;
  payloads: number;
  /** It is the process that it was, and still answers. */
  alive: boolean;
  /** Exceptions that the guard caught: each is a bug, though a harmless one. */
  faults: unknown[];
}

/** So many messages are on their way at once; then the agent shows that it has read them. */
const BATCH = 500;
/** Of a request topic's messages one in so many is sent: each is a command that is journaled and answered. */
const REQUEST_SHARE = 0.02;

/** Sends so many payloads to a real agent through the real SDK, over all topics that it hears, and asks it something in between. */
export async function fuzz(options: { seed: number; payloads: number; onProgress?(sent: number): void }): Promise<FuzzReport> {
  const { seed, payloads } = options;
  const random = createRandom(seed).unit;
  await using world = await startOnline({
    iotCore: { seed },
    config: { commands: { intake: ['shadow', 'executions'] }, log: { level: 'error' } },
  });
  const { rig, agent } = world;
  const { hubId, iotCore } = rig;
  const heard = [
    `hubs/${hubId}/presence`,
    ...['update/delta', 'update/accepted', 'update/rejected', 'get/accepted', 'get/rejected'].map(
      (name) => `$aws/things/${hubId}/shadow/${name}`,
    ),
  ];

  /** Resolves when the agent has read everything that was sent before. */
  async function answered(): Promise<void> {
    const id = iotCore.startExecution(hubId, { command: 'none' }, { timeoutSeconds: 600 });
    await rig.until('the agent answers', () => iotCore.execution(id)?.status === 'REJECTED' || gone());
    if (gone()) throw new Error(`the agent ended, seed ${seed}:\n${agent.output().slice(-4_000)}`);
  }
  let ended = false;
  void agent.exited.then(() => {
    ended = true;
  });
  const gone = () => ended;

  let requests = 0;
  for (let sent = 0; sent < payloads; ) {
    for (const end = Math.min(payloads, sent + BATCH); sent < end; sent += 1) {
      const payload = fuzzedPayload(random);
      if (random() < REQUEST_SHARE) {
        requests += 1;
        iotCore.publish(`$aws/commands/things/${hubId}/executions/fuzz-${requests}/request/json`, payload, { qos: 0 });
      } else iotCore.publish(heard[Math.floor(random() * heard.length)]!, payload, { qos: 0 });
    }
    await answered();
    options.onProgress?.(sent);
  }
  const { terminal } = await runHubctl(rig, 'status --json');
  const status = terminal.json() as { agent: { pid: number; faults: unknown[] } };
  const code = await agent.stop();
  return { seed, payloads, alive: status.agent.pid === agent.pid && code === 0, faults: status.agent.faults };
}
