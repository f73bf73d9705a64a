import { refusalFindings, shadowFindings, takeoverFindings } from '../../health/cloud.ts';
import { idleText, reachFinding, triedText } from '../../health/reach.ts';
import { type Check, type ConnectivityStep, catalogued, type DoctorContext, type Finding, ok, skipped } from './check.ts';
import { unconfigured } from './unconfigured.ts';

/** A step that failed. */
const failed = ({ finding, remedy, code }: Extract<ConnectivityStep, { ok: false }>) =>
  ({ status: 'fail', finding, remedy, code, subject: null }) as const;
/** What came of a step. */
const asFinding = (step: ConnectivityStep): Finding => (step.ok ? ok(`${step.finding} (${step.ms} ms)`) : failed(step));

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
    return dns ? asFinding(dns) : unconfigured(context, 'cloud', 'endpoint');
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
      return { ...failed(tcp), status: 'warn', finding: `${tcp.finding}; port ${otherPort.port} is open, the agent uses it` };
    }
    if (otherPort?.ok) {
      return {
        ...failed(tcp),
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

/** Why no session was tried, or what came of it. */
async function connackFinding(context: DoctorContext): Promise<Finding> {
  const { status, problem } = await context.agent();
  const cloud = status?.cloud ?? null;
  if (cloud?.phase === 'connected') return ok('the agent is connected');
  const { connack, tls } = await context.connectivity();
  if (connack?.ok && cloud) {
    return catalogued(reachFinding('mqtt_agent_idle', { step: connack.finding, cloud }));
  }
  if (connack) return asFinding(connack);
  if (!tls?.ok || (await context.session())) return skipped('not reached');
  if (cloud)
    return skipped(
      `the agent is not connected: ${idleText(cloud)}; not tried: it would end the session of the agent, which may come any moment`,
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
      ...topics.refused.map((each) => catalogued(reachFinding('topic_refused', each))),
      ...topics.unanswered.map((each) => catalogued(reachFinding('topic_unanswered', each))),
      ...(topics.untried.length > 0
        ? [
            skipped(
              `${topics.refused.length + topics.unanswered.length > 0 ? 'not tried after that' : 'the session ended; not tried'}: ${topics.untried.map(triedText).join(', ')}`,
            ),
          ]
        : []),
    ];
    if (found.length > 0) return found;
    // A retained message would take the place of the presence, or be one; a message may not come for other reasons.
    return ok('each one was tried and is allowed; not tried: iot:RetainPublish on the presence, and iot:Receive');
  },
};
