import { type Check, type DoctorContext, type Finding, fail, ok, skipped, type TopicTried, type WayStep, warn } from './check.ts';

const IOT_POLICY = 'Add it to the policy of the certificate in AWS IoT, for this Thing.';

const nameOf = ({ operation, topic }: TopicTried) => `${operation} on ${topic}`;
const asFinding = (step: WayStep): Finding => (step.ok ? ok(`${step.finding} (${step.ms} ms)`) : fail(step.finding, step.remedy!));

/** What an agent that is online has already proven. */
async function online(context: DoctorContext): Promise<boolean> {
  const { status } = await context.agent();
  return status?.cloud.phase === 'connected';
}

export const dnsCheck: Check = {
  name: 'dns',
  why: 'Without the address of the cloud nothing else works.',
  async run(context) {
    const { dns } = await context.way();
    return dns ? asFinding(dns) : skipped('agent.json names no endpoint');
  },
};

export const portCheck: Check = {
  name: 'port',
  why: 'MQTT goes over cloud.port, and over cloud.fallbackPort (443 beside 8883) where a firewall blocks that.',
  async run(context) {
    const { tcp, otherPort } = await context.way();
    if (!tcp) return skipped('not reached: the name has no address');
    if (tcp.ok) {
      const also = otherPort === null ? '' : `, port ${otherPort.port} ${otherPort.ok ? 'too' : 'not'}`;
      return ok(`${tcp.finding}${also} (${tcp.ms} ms)`);
    }
    if (otherPort?.ok && otherPort.used) return warn(`${tcp.finding}; port ${otherPort.port} is open, the agent uses it`, tcp.remedy!);
    if (otherPort?.ok) {
      return fail(
        `${tcp.finding}; port ${otherPort.port} is open, and the agent does not use it`,
        `Set "fallbackPort": ${otherPort.port} under cloud in /etc/hub-agent/agent.json; sudo systemctl restart hub-agent`,
      );
    }
    return otherPort?.used ? [asFinding(tcp), fail(otherPort.finding, otherPort.remedy!)] : asFinding(tcp);
  },
};

export const tlsCheck: Check = {
  name: 'tls',
  why: 'Both sides prove who they are; the agent refuses a cloud that cannot.',
  async run(context) {
    const { tls, tcp } = await context.way();
    if (tls) return asFinding(tls);
    return skipped(tcp ? 'not reached: no port is open, or certificate, key or CA cannot be read' : 'not reached');
  },
};

export const mqttCheck: Check = {
  name: 'mqtt',
  why: 'The policy of the certificate decides whether the hub may connect.',
  async run(context) {
    if (await online(context)) return ok('the agent is connected');
    const { problem } = await context.agent();
    const { connack } = await context.way();
    if (connack) return asFinding(connack);
    if (!(await context.session())) {
      const which = problem?.problem === 'hung' ? 'of the agent, which hangs' : 'of an agent that may run';
      return skipped(`not tried: it would end the session ${which}`);
    }
    return skipped('not reached');
  },
};

export const topicsCheck: Check = {
  name: 'topics',
  why: 'AWS IoT ends the connection on a topic that the policy does not allow.',
  async run(context) {
    const { status } = await context.agent();
    if (status && (await online(context))) {
      const { leftOut } = status.cloud;
      return leftOut.length === 0 ? ok('the agent uses all of them') : fail(`the cloud refuses: ${leftOut.join(', ')}`, IOT_POLICY);
    }
    const { topics } = await context.way();
    if (topics === null) return skipped('not reached');
    const found = [
      ...topics.refused.map((each) => fail(`${nameOf(each)} is refused`, IOT_POLICY)),
      ...topics.unanswered.map((each) => warn(`${nameOf(each)} got no answer`, 'sudo hubctl doctor --check dns,port,tls,mqtt,topics')),
      ...(topics.untried.length > 0 ? [skipped(`not tried after that: ${topics.untried.map(nameOf).join(', ')}`)] : []),
    ];
    if (found.length > 0) return found;
    // A retained message would take the place of the presence, or be one; a message may not come for other reasons.
    return ok('each one was tried and is allowed; not tried: iot:RetainPublish on the presence, and iot:Receive');
  },
};
