import { describe, expect, test } from 'vitest';
import { createConnector } from '../../../../agent/cloud/connection/connector.ts';
import type { LinkHandlers } from '../../../../agent/cloud/connection/transport.ts';
import type { CloudFacts } from '../../../../agent/contract/cloud.ts';
import { AgentError, type AgentProblem } from '../../../../agent/hubctl/cli/client.ts';
import type { Connectivity, DoctorContext } from '../../../../agent/hubctl/doctor/check.ts';
import { mqttCheck } from '../../../../agent/hubctl/doctor/cloud-checks.ts';
import { mayTakeSession } from '../../../../agent/hubctl/doctor/session.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { createFakeEntropy, createFakeLog } from '../../nodes/fakes.ts';
import { HEALTHY } from '../fixtures.ts';

const OFFLINE = { session: null, sessionAgeMs: null } as const;
const WAITING = { ...OFFLINE, phase: 'waiting', waitReason: 'backoff', lastDown: 'tls' } as const;
const statusOf = (cloud: Partial<CloudFacts>) => ({ ...HEALTHY, cloud: { ...HEALTHY.cloud, ...cloud } });
const noService = async () => null;

describe('hubctl may connect as this hub', () => {
  test.each<[string, Partial<CloudFacts>, boolean]>([
    ['while the agent waits for long', { ...WAITING, nextAttemptMs: 60_000 }, true],
    ['not just before its next attempt', { ...WAITING, nextAttemptMs: 15_000 }, false],
    ['not when an older agent does not say when', { ...WAITING }, false],
    ['not while it connects', { ...OFFLINE, phase: 'connecting', nextAttemptMs: null }, false],
    ['not while it is connected', {}, false],
    ['not while it starts, ends, or lets a Wi-Fi change prove itself', { ...OFFLINE, phase: 'stopped', nextAttemptMs: null }, false],
  ])('%s', async (_what, cloud, expected) => {
    expect(await mayTakeSession({ status: statusOf(cloud), problem: null }, noService)).toBe(expected);
  });

  test.each<[AgentProblem, boolean]>([
    ['down', true],
    ['hung', false],
    ['busy', false],
  ])('an agent that is %s', async (problem, expected) => {
    expect(await mayTakeSession({ status: null, problem: new AgentError(problem, '') }, noService)).toBe(expected);
  });
});

test('an agent that waits says how long, down to its next attempt', async () => {
  const clock = createSteppedClock();
  let handlers: LinkHandlers | null = null;
  const connector = createConnector({
    transport: {
      connect(_options, given) {
        handlers = given;
        return { close: () => Promise.resolve() } as never;
      },
    },
    targets: [{ host: 'iot', port: 8883 }],
    config: { spreadMs: 30_000, minBackoffMs: 2_000, maxBackoffMs: 128_000, maxUnreachableBackoffMs: 128_000, settleMs: 30_000 },
    clientId: 'hub',
    keepAliveSeconds: 30,
    will: () => ({ topic: 't', payload: '' }),
    clockTrusted: () => true,
    clock,
    entropy: createFakeEntropy(7),
    log: createFakeLog(),
    onUp() {},
    onDown() {},
    onMessage() {},
    onDelta() {},
  });
  expect(connector.nextAttemptMs()).toBeNull();
  connector.start({ processRestart: true });
  await clock.advance(0);
  expect(connector.state().phase).toBe('connecting');
  expect(connector.nextAttemptMs()).toBeNull();
  handlers!.onUp();
  handlers!.onDown({ reason: 'taken_over', detail: '' });
  const first = connector.nextAttemptMs()!;
  expect(first).toBeGreaterThanOrEqual(60_000);
  await clock.advance(20_000);
  expect(connector.nextAttemptMs()).toBe(first - 20_000);
  await clock.advance(first - 20_000);
  expect(connector.state().phase).toBe('connecting');
  expect(connector.nextAttemptMs()).toBeNull();
  await connector.stop();
});

const TAKEN = { ok: true, ms: 30, finding: 'the cloud takes the connection', remedy: null } as const;
const NOTHING_CHECKED: Connectivity = { dns: null, tcp: null, otherPort: null, tls: null, connack: null, puback: null, topics: null };

/** What the doctor says of MQTT. */
async function mqtt(cloud: Partial<CloudFacts>, connack: Connectivity['connack'] = null, tls: Connectivity['tls'] = TAKEN) {
  const status = statusOf(cloud);
  const context: Partial<DoctorContext> = {
    agent: async () => ({ status, problem: null }),
    session: () => mayTakeSession({ status, problem: null }, noService),
    connectivity: async () => ({ ...NOTHING_CHECKED, tls, connack }),
  };
  return [await mqttCheck.run(context as DoctorContext)].flat();
}

describe('the check of MQTT, while the agent answers', () => {
  test('an agent that is connected', async () => {
    expect(await mqtt({})).toEqual([{ status: 'ok', finding: 'the agent is connected', remedy: null }]);
  });

  test('an agent that stays away though the cloud takes the connection', async () => {
    expect(await mqtt({ ...WAITING, nextAttemptMs: 60_000 }, TAKEN)).toEqual([
      {
        status: 'warn',
        finding: 'the cloud takes the connection, but the agent is not connected: it waits (backoff, last: tls)',
        remedy: 'sudo systemctl restart hub-agent',
        code: 'mqtt_agent_idle',
        subject: null,
      },
    ]);
  });

  test.each<[string, Partial<CloudFacts>, string]>([
    ['waits', { ...WAITING, lastDown: null, nextAttemptMs: 4_000 }, 'it waits (backoff)'],
    ['connects', { ...OFFLINE, phase: 'connecting' }, 'it connects just now'],
    ['is stopped', { ...OFFLINE, phase: 'stopped' }, 'its connection is stopped'],
  ])('an agent that %s and may come any moment: not tried', async (_what, cloud, words) => {
    const [found, more] = await mqtt(cloud);
    expect(found).toMatchObject({ status: 'skipped', finding: expect.stringContaining(words) });
    expect(found!.finding).toContain('it would end the session of the agent');
    expect(more).toBeUndefined();
  });

  test('a way that ends before TLS, which is no matter of sessions', async () => {
    expect(await mqtt({ ...WAITING, nextAttemptMs: 4_000 }, null, null)).toMatchObject([{ status: 'skipped', finding: 'not reached' }]);
  });

  test('another client with the same identity, also while the agent is connected', async () => {
    const copy = { status: 'warn', remedy: expect.stringContaining('copy of its certificate and key') };
    expect(await mqtt({ takeovers: 2 })).toMatchObject([{ ...copy, finding: expect.stringMatching(/identity of this hub, 2 times$/) }]);
    expect(await mqtt({ ...WAITING, nextAttemptMs: 60_000, takeovers: 1 }, TAKEN)).toMatchObject([
      { status: 'warn', finding: expect.stringContaining('is not connected') },
      { ...copy, finding: expect.stringMatching(/identity of this hub, once$/) },
    ]);
  });
});
