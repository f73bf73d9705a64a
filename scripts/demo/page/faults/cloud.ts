import { setTimeout as sleep } from 'node:timers/promises';
import type { IotCore } from '../../../../test/twins/iot-core/types.ts';
import type { Fault } from './fault.ts';

const BROKER_DOWN_MS = 3_000;
/** Later than a reconnect: its first wait is two seconds at most. */
const LATE_WILL_MS = 5_000;
const SLOW_MS = 1_500;
const HOUR_MS = 3_600_000;
/** So many answers of the Shadow service are lost or refused. */
const COUNT = 2;

export interface CloudFaultDeps {
  iotCore: IotCore;
  hubId: string;
  /** Sends a command through the public API, without args. `status`: of its answer. */
  send(command: string): Promise<{ status: number }>;
}

/** What can happen between the hub and its cloud. Some need a message to be seen: they send server_info themselves. */
export function cloudFaults({ iotCore, hubId, send }: CloudFaultDeps): Fault[] {
  const { faults } = iotCore;
  const presence = `hubs/${hubId}/presence`;
  const cloud = { group: 'Cloud', target: false } as const;
  const connected = (done: boolean): void => {
    if (!done) throw new Error('the hub is not connected now; wait until it is');
  };
  async function ask(): Promise<void> {
    const { status } = await send('server_info');
    if (status !== 200) throw new Error(`the API answered ${status} to server_info, which was to show the fault`);
  }
  return [
    {
      ...cloud,
      id: 'broker',
      kind: 'act',
      name: 'Restart the broker',
      about: 'The virtual IoT Core ends every connection and is away for three seconds. The hub comes back with a new session.',
      begun: () => 'Broker restarted',
      async begin() {
        await iotCore.stop();
        await sleep(BROKER_DOWN_MS);
        await iotCore.start();
      },
    },
    {
      ...cloud,
      id: 'half_open',
      kind: 'act',
      name: 'Half-open link',
      about: 'A router forgets the connection: both sides still think that it stands. The hub finds out by its keepalive of 30 seconds.',
      begun: () => 'Link half-open',
      begin: () => connected(faults.halfOpen(hubId)),
    },
    {
      ...cloud,
      id: 'late_will',
      kind: 'act',
      name: 'Late will',
      about:
        'The link breaks, and the old session’s will arrives after the hub is back. The hub publishes its birth again: presence stays correct.',
      begun: () => 'Link cut, its will held back',
      begin() {
        faults.lateWill(hubId, LATE_WILL_MS);
        const cut = faults.drop(hubId);
        faults.lateWill(hubId, 0);
        connected(cut);
      },
    },
    {
      ...cloud,
      id: 'lost_acks',
      kind: 'act',
      name: 'Lose acknowledgements',
      about: 'The broker takes two messages and their PUBACKs are lost. A command in that time is still answered, and once.',
      begun: () => 'Two acknowledgements lost',
      begin() {
        faults.losePubacks(COUNT);
        return ask();
      },
    },
    {
      ...cloud,
      id: 'lost_responses',
      kind: 'act',
      name: 'Lose answers of the shadow',
      about: 'Two updates are done, and their answers lost: was it taken? The hub reads the shadow and decides again.',
      begun: () => 'Two answers of the Shadow service lost',
      begin() {
        faults.loseShadowResponses(COUNT);
        return ask();
      },
    },
    {
      ...cloud,
      id: 'refused_subscription',
      kind: 'switch',
      name: 'Refuse a subscription',
      about: 'A policy without the presence topic: AWS ends the connection at that subscription. The hub leaves it out, and stays online.',
      begun: () => 'Subscription to the presence topic refused',
      ended: () => 'the policy allows it again',
      begin() {
        faults.denySubscribe(presence);
        connected(faults.drop(hubId));
      },
      end: () => faults.allowSubscribe(presence),
    },
    {
      ...cloud,
      id: 'stale_versions',
      kind: 'act',
      name: 'Stale versions',
      about: 'The Shadow service refuses two updates: another writer was first. The hub reads again before it takes a command.',
      begun: () => 'Two updates refused as stale',
      begin() {
        faults.failShadowUpdates(COUNT, 409);
        return ask();
      },
    },
    {
      ...cloud,
      id: 'throttling',
      kind: 'act',
      name: 'Throttling',
      about: 'The Shadow service answers 429 twice. The hub waits and tries again.',
      begun: () => 'Two updates throttled',
      begin() {
        faults.failShadowUpdates(COUNT, 429);
        return ask();
      },
    },
    {
      ...cloud,
      id: 'slow_link',
      kind: 'switch',
      name: 'Slow link',
      about: 'Each packet to the hub takes a second and a half. Commands take longer, and are answered.',
      begun: () => 'Link slowed down',
      ended: () => 'link at full speed',
      begin() {
        faults.delay(hubId, SLOW_MS);
        return ask();
      },
      end: () => faults.delay(hubId, 0),
    },
    {
      ...cloud,
      id: 'clock',
      kind: 'switch',
      name: 'Clocks disagree',
      about: 'The cloud’s clock is an hour ahead of the hub’s. The age of a command is told by one clock alone, so it does not expire.',
      begun: () => 'Cloud’s clock an hour ahead',
      ended: () => 'clocks agree again',
      begin() {
        faults.shiftClock(HOUR_MS);
        return ask();
      },
      end: () => faults.shiftClock(-HOUR_MS),
    },
    {
      ...cloud,
      id: 'blocked_port',
      kind: 'switch',
      name: 'Block port 8883',
      about: 'A firewall ends what goes to the first port. The hub takes the second, as 443 with ALPN.',
      begun: () => 'First port blocked',
      ended: () => 'first port open again',
      begin() {
        faults.blockPort(true);
        connected(faults.drop(hubId));
      },
      end: () => faults.blockPort(false),
    },
  ];
}
