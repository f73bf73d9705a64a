import { currentSsid } from '../network.ts';
import { type AgentContext, createExpectations, type Outcome, type Scenario } from '../scenario.ts';

const ANSWER_TIMEOUT_MS = 120_000;
const BUS_TIMEOUT_MS = 60_000;
/** What the unit is held to: `systemd-analyze security`, in tenths. */
const MAX_EXPOSURE = 2;

interface Bus {
  id: string;
  state: string;
  error?: { message: string };
}

function unit(
  name: string,
  work: (context: AgentContext, expect: (condition: boolean, otherwise: string) => void) => Promise<string>,
): Scenario {
  return {
    name: `unit: ${name}`,
    kind: 'agent',
    async run(context): Promise<Outcome> {
      const { problems, expect } = createExpectations();
      const started = performance.now();
      const answer = await work(context, expect);
      return { network: await currentSsid(context.hub), answer, tookMs: performance.now() - started, problems };
    },
  };
}

/** The result of a command; null when it was not answered or did not succeed. */
async function ask(
  { world, signal }: AgentContext,
  command: string,
  args: Record<string, unknown>,
): Promise<Record<string, unknown> | null> {
  const previous = await world.cloud.send(command, args);
  const answer = await world.cloud.answer(previous, ANSWER_TIMEOUT_MS, signal);
  return answer?.status === 'SUCCEEDED' ? (answer.result ?? {}) : null;
}

async function busReaches(context: AgentContext, state: string): Promise<Bus | undefined> {
  const deadline = performance.now() + BUS_TIMEOUT_MS;
  for (;;) {
    const result = await ask(context, 'get_nodes', {});
    const bus = (result?.buses as Bus[] | undefined)?.[0];
    if (bus?.state === state || performance.now() > deadline) return bus;
  }
}

/** That the agent can do its work inside the walls of its unit. */
export const unitScenarios: Scenario[] = [
  unit('its walls are high', async ({ hub }, expect) => {
    const text = await hub.must('systemd-analyze security --no-pager hub-agent.service | tail -n 1');
    const exposure = Number(/: ([\d.]+)/.exec(text)?.[1]);
    expect(exposure < MAX_EXPOSURE, `its exposure is ${exposure}`);
    const user = (await hub.must('ps -o user= -p $(systemctl show -P MainPID hub-agent)')).trim();
    expect(user === 'hub-age+' || user === 'hub-agent', `it runs as ${user}`);
    const memory = Number(await hub.must('systemctl show -P MemoryCurrent hub-agent')) / 2 ** 20;
    return `exposure ${exposure}, ${memory.toFixed(0)} MB`;
  }),

  unit('server_info', async (context, expect) => {
    const result = await ask(context, 'server_info', {});
    expect(result !== null, 'it was not answered with success');
    return result === null ? 'none' : 'SUCCEEDED';
  }),

  unit('serial adapter: missing, plugged in, pulled, plugged in', async (context, expect) => {
    const states: string[] = [];
    const observe = async (wanted: string) => {
      const bus = await busReaches(context, wanted);
      states.push(bus?.state ?? 'none');
      expect(bus?.state === wanted, `the bus is ${bus?.state}, not ${wanted}: ${bus?.error?.message ?? ''}`);
    };
    await observe('unavailable');
    await context.hub.serial.plug();
    await observe('up');
    await context.hub.serial.yank();
    await observe('unavailable');
    await context.hub.serial.plug();
    await observe('up');
    await context.hub.serial.yank();
    return states.join(', ');
  }),

  unit('killed: online again', async (context, expect) => {
    const { hub, world, signal } = context;
    const back = world.cloud.reconnects(ANSWER_TIMEOUT_MS, signal);
    const before = await hub.clock();
    await hub.must('systemctl kill -s KILL hub-agent');
    expect(await back, 'it did not come back');
    return `after ${(((await hub.clock()).uptimeMs - before.uptimeMs) / 1000).toFixed(1)} s`;
  }),
];
