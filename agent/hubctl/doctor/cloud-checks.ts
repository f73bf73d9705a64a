import type { CloudFacts } from '../../contract/cloud.ts';
import { refusalFindings, shadowFindings, takeoverFindings } from '../../health/cloud.ts';
import {
  type Check,
  type ConnectivityStep,
  catalogued,
  type DoctorContext,
  type Finding,
  fail,
  ok,
  skipped,
  type TopicTried,
  warn,
} from './check.ts';

const IOT_POLICY = 'Add it to the policy of the certificate in AWS IoT, for this Thing.';

const nameOf = ({ operation, topic }: TopicTried) => `${operation} on ${topic}`;
/** What came of a step; of one that failed with its code. */
function asFinding({ ok: reached, ms, finding, remedy, code }: ConnectivityStep): Finding {
  if (reached) return ok(`${finding} (${ms} ms)`);
  return { ...fail(finding, remedy!), ...(code !== undefined && { code, subject: null }) };
}

/** What an agent that is online has already proven. */
async function online(context: DoctorContext): Promise<boolean> {
  const { status } = await context.agent();
  return status?.cloud.phase === 'connected';
}

export const dnsCheck: Check = {
  name: 'dns',
  why: 'Without the address of the cloud nothing else works.',
  async run(context) {
    const { dns } = await context.connectivity();
    return dns ? asFinding(dns) : skipped('agent.json names no endpoint');
  },
};

export const portCheck: Check = {
  name: 'port',
  why: 'MQTT goes over cloud.port, and over cloud.fallbackPort (443 beside 8883) where a firewall blocks that.',
  async run(context) {
    const { tcp, otherPort } = await context.connectivity();
    if (!tcp) return skipped('not reached: the name has no address');
    if (tcp.ok) {
      const also = otherPort === null ? '' : `, port ${otherPort.port} ${otherPort.ok ? 'too' : 'not'}`;
      return ok(`${tcp.finding}${also} (${tcp.ms} ms)`);
    }
    if (otherPort?.ok && otherPort.used) {
      return { ...asFinding(tcp), ...warn(`${tcp.finding}; port ${otherPort.port} is open, the agent uses it`, tcp.remedy!) };
    }
    if (otherPort?.ok) {
      return {
        ...asFinding(tcp),
        finding: `${tcp.finding}; port ${otherPort.port} is open, and the agent does not use it`,
        remedy: `Set "fallbackPort": ${otherPort.port} under cloud in /etc/hub-agent/agent.json; sudo systemctl restart hub-agent`,
      };
    }
    return otherPort?.used ? [asFinding(tcp), asFinding(otherPort)] : asFinding(tcp);
  },
};

export const tlsCheck: Check = {
  name: 'tls',
  why: 'Both sides prove who they are; the agent refuses a cloud that cannot.',
  async run(context) {
    const { tls, tcp } = await context.connectivity();
    if (tls) return asFinding(tls);
    return skipped(tcp ? 'not reached: no port is open, or certificate, key or CA cannot be read' : 'not reached');
  },
};

/** What the agent does instead of being connected. */
function idle({ phase, waitReason, lastDown }: CloudFacts): string {
  if (phase === 'connecting') return 'it connects just now';
  const why = [waitReason, lastDown && `last: ${lastDown}`].filter(Boolean).join(', ');
  return `${phase === 'waiting' ? 'it waits' : 'its connection is stopped'}${why && ` (${why})`}`;
}

/** Why no session was tried, or what came of it. */
async function connackFinding(context: DoctorContext): Promise<Finding> {
  const { status, problem } = await context.agent();
  const cloud = status?.cloud ?? null;
  if (cloud?.phase === 'connected') return ok('the agent is connected');
  const { connack, tls } = await context.connectivity();
  if (connack?.ok && cloud) {
    return warn(`${connack.finding}, but the agent is not connected: ${idle(cloud)}`, 'sudo systemctl restart hub-agent');
  }
  if (connack) return asFinding(connack);
  if (!tls?.ok || (await context.session())) return skipped('not reached');
  if (cloud)
    return skipped(
      `the agent is not connected: ${idle(cloud)}; not tried: it would end the session of the agent, which may come any moment`,
    );
  return skipped(
    `not tried: it would end the session ${problem?.problem === 'hung' ? 'of the agent, which hangs' : 'of an agent that may run'}`,
  );
}

export const mqttCheck: Check = {
  name: 'mqtt',
  why: 'The policy of the certificate decides whether the hub may connect, and only one client at a time may be this hub.',
  async run(context) {
    const { status } = await context.agent();
    const found = await connackFinding(context);
    const takeovers = status ? takeoverFindings(status.cloud, null).map(catalogued) : [];
    if (takeovers.length === 0) return found;
    return found.status === 'ok' ? takeovers : [found, ...takeovers];
  },
};

export const topicsCheck: Check = {
  name: 'topics',
  why: 'AWS IoT ends the connection on a topic that the policy does not allow.',
  async run(context) {
    const { status } = await context.agent();
    if (status && (await online(context))) {
      const found = [...refusalFindings(status.cloud), ...shadowFindings(status.cloud)].map(catalogued);
      return found.length > 0 ? found : ok('the agent uses all of them');
    }
    const { topics } = await context.connectivity();
    if (topics === null) return skipped('not reached');
    const found = [
      ...topics.refused.map((each) => fail(`${nameOf(each)} is refused`, IOT_POLICY)),
      ...topics.unanswered.map((each) => warn(`${nameOf(each)} got no answer`, 'sudo hubctl doctor --check dns,port,tls,mqtt,topics')),
      ...(topics.untried.length > 0
        ? [
            skipped(
              `${topics.refused.length + topics.unanswered.length > 0 ? 'not tried after that' : 'the session ended; not tried'}: ${topics.untried.map(nameOf).join(', ')}`,
            ),
          ]
        : []),
    ];
    if (found.length > 0) return found;
    // A retained message would take the place of the presence, or be one; a message may not come for other reasons.
    return ok('each one was tried and is allowed; not tried: iot:RetainPublish on the presence, and iot:Receive');
  },
};
