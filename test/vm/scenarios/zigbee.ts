import { until } from '../cloud-world.ts';
import { currentSsid } from '../network.ts';
import { type AgentContext, createExpectations, type Outcome, type Scenario } from '../scenario.ts';
import type { ZigbeeRoom } from '../zigbee-room.ts';
import { answerOf, type Expect, ONLINE_TIMEOUT_MS } from './package-steps.ts';
import {
  guestSeconds,
  isUp,
  joins,
  keyFound,
  networkOf,
  prepare,
  removeAddOn,
  restoreConfig,
  STATE,
  untilNetwork,
} from './zigbee-steps.ts';

/** A boot on a busy host, and the way to the cloud. */
const REBOOT_TIMEOUT_MS = 420_000;
const PULLS = 3;

type Work = (context: AgentContext, room: ZigbeeRoom, expect: Expect) => Promise<string>;

/** A Zigbee stick in a real USB port, under the unit of the packages. Whatever happens, each device that was paired before is paired after it. */
export function zigbeeScenarios(): Scenario[] {
  let prepared: Promise<ZigbeeRoom> | null = null;

  const scenario = (name: string, work: Work): Scenario => ({
    name: `zigbee: ${name}`,
    kind: 'agent',
    async run(context): Promise<Outcome> {
      const { problems, expect } = createExpectations();
      const started = performance.now();
      prepared ??= prepare(context);
      const room = await prepared;
      const [before, formations] = [room.paired(), room.coordinator.formations];
      const answer = await work(context, room, expect);
      const after = room.paired();
      expect(after === before, `of ${before} paired devices ${after} are left`);
      expect(room.coordinator.formations === formations, 'another network was formed');
      const network = await untilNetwork(context, isUp);
      expect(network?.state === 'up', `the network is ${JSON.stringify(network)}`);
      expect(network?.devices === before, `the hub knows ${network?.devices} of ${before} devices`);
      return {
        network: await currentSsid(context.hub),
        answer: `${before} → ${after} devices; ${answer}`,
        tookMs: performance.now() - started,
        problems,
      };
    },
  });

  /** Pulls the stick and plugs it in again, in this way, several times. */
  const pulls = (name: string, pull: (room: ZigbeeRoom) => Promise<void>) =>
    scenario(name, async (context, room, expect) => {
      const took: number[] = [];
      for (let round = 0; round < PULLS; round += 1) {
        await pull(room);
        const gone = await untilNetwork(context, ({ state }) => state === 'unavailable');
        expect(gone?.state === 'unavailable', `the network without its stick is ${JSON.stringify(gone)}`);
        const from = await guestSeconds(context.hub);
        await room.plug();
        await untilNetwork(context, isUp);
        took.push((await guestSeconds(context.hub)) - from);
      }
      return `up again after ${took.map((seconds) => seconds.toFixed(0)).join(', ')} s, a look of hubctl included`;
    });

  return [
    scenario('the packages, the unit and its limits', async (context, room, expect) => {
      const { hub } = context;
      const answer = await answerOf(context, 'get_nodes', {});
      expect(answer === 'SUCCEEDED', `get_nodes was answered ${answer}`);
      const shown = await hub.must(
        'cd /sys/fs/cgroup/system.slice/hub-agent.service; cat memory.current memory.peak memory.max pids.current pids.max | tr "\\n" " "',
      );
      const [memory, peak, memoryMax, tasks, tasksMax] = shown.trim().split(/\s+/).map(Number) as [number, number, number, number, number];
      expect(peak < memoryMax * 0.8, `memory was ${peak} of ${memoryMax}`);
      expect(tasks < tasksMax / 2, `${tasks} of ${tasksMax} tasks`);
      const denied = await hub.run("journalctl -u hub-agent -o cat --no-pager | grep -iE 'EPERM|not permitted|SIGSYS' | head -n 3");
      expect(denied.stdout.trim() === '', `the unit refuses something: ${denied.stdout}`);
      const network = await networkOf(hub);
      const user = (await hub.must(`ps -o user= -p ${network?.pid}`)).trim();
      expect(user.startsWith('hub-age'), `the library runs as ${user}`);
      expect(room.paired() === 3, `${room.paired()} devices are paired`);
      return `${(memory / 2 ** 20).toFixed(0)} MB and ${tasks} tasks of both processes`;
    }),

    pulls('the stick is pulled, and plugged in again', (room) => room.yank()),
    pulls('the stick is pulled while frames come in', (room) => room.yankAmidTraffic()),

    scenario('the process of the library is killed', async (context) => {
      const { hub } = context;
      const before = await networkOf(hub);
      await hub.must(`kill -KILL ${before?.pid}`);
      await untilNetwork(context, (network) => isUp(network) && network.pid !== before?.pid);
      return 'up again';
    }),

    scenario('the agent is killed', async (context, _, expect) => {
      const { hub, world, signal } = context;
      const back = world.cloud.reconnects(ONLINE_TIMEOUT_MS, signal);
      const old = (await networkOf(hub))?.pid;
      await hub.must('systemctl kill -s KILL --kill-whom=main hub-agent');
      expect(await back, 'the hub does not come back');
      await untilNetwork(context, isUp);
      expect((await hub.run(`kill -0 ${old}`)).exitCode !== 0, 'the process of the library outlived the agent');
      return 'online, and up again';
    }),

    scenario(
      'a file of the network belongs to another user: nothing is started, and all is there when it is given back',
      async (context, room, expect) => {
        const { hub } = context;
        const file = `${STATE}/database.db`;
        const flash = JSON.stringify(room.coordinator.network());
        await hub.must(`systemctl stop hub-agent; chown root:root ${file}; chmod 600 ${file}; systemctl start hub-agent`, {
          timeoutMs: 120_000,
        });
        const refused = await untilNetwork(context, ({ problem }) => problem?.reason === 'storage');
        expect(refused?.problem?.reason === 'storage', `the network is ${JSON.stringify(refused)}`);
        expect(JSON.stringify(room.coordinator.network()) === flash, 'the stick was changed');
        const doctor = await hub.run('hubctl doctor --check files --json');
        const command = /sudo (chown[^;"]*)/.exec(doctor.stdout)?.[1];
        expect(doctor.stdout.includes(file) && command !== undefined, `doctor says ${doctor.stdout.slice(0, 500)}`);
        await hub.must(command ?? `chown hub-agent:hub-agent ${file}`);
        await untilNetwork(context, isUp);
        return command ?? '';
      },
    ),

    scenario('the power goes while a device joins', async (context, room, expect) => {
      const { world, signal } = context;
      const { lock } = room;
      lock.leave();
      await untilNetwork(context, ({ devices }) => devices === 2);
      await joins(context, lock, 'interview_started');
      const back = world.cloud.reconnects(REBOOT_TIMEOUT_MS, signal);
      await room.powerCut();
      expect(await back, 'the hub does not come back');
      await untilNetwork(context, isUp);
      const kept = room.paired();
      // Who stands before the lock pairs it once more.
      await joins(context, lock, 'interview_done');
      return `${kept} of 3 were paired after the cut`;
    }),

    scenario('the key is found nowhere but in its folder', async (context, room, expect) => {
      const found = await keyFound(context, room.key()!);
      expect(found.length === 0, `the network key is in ${found.join(', ')}`);
      const turned = async (state: 'locked' | 'unlocked') => {
        room.lock.turn(state);
        return until(
          async () => (await context.hub.run('hubctl nodes --json')).stdout.includes(`"lock":{"value":"${state}"`),
          ONLINE_TIMEOUT_MS,
          context.signal,
        );
      };
      for (const state of ['unlocked', 'locked'] as const) expect(await turned(state), `the lock does not report "${state}" any more`);
      return 'reports still come';
    }),

    {
      name: 'zigbee: the add-on is removed: said so, and the network kept',
      kind: 'agent',
      async run(context) {
        const { problems, expect } = createExpectations();
        const started = performance.now();
        prepared ??= prepare(context);
        const room = await prepared;
        const network = await removeAddOn(context);
        expect(network?.problem?.reason === 'library', `without its library the network is ${JSON.stringify(network)}`);
        expect(network?.devices === room.paired(), `the hub knows ${network?.devices} of ${room.paired()} devices`);
        await restoreConfig(context);
        await room.yank();
        await room.close();
        return { network: await currentSsid(context.hub), answer: 'library', tookMs: performance.now() - started, problems };
      },
    },
  ];
}
