import { type Check, type DoctorContext, type Finding, fail, ok, skipped, type WayStep, warn } from './check.ts';

const IOT_POLICY = 'Add it to the policy of the certificate in AWS IoT, for this Thing.';

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
  why: 'MQTT goes over TCP 8883; the agent falls back to 443 where a firewall blocks it.',
  async run(context) {
    const { tcp, otherPort } = await context.way();
    if (!tcp) return skipped('not reached: the name has no address');
    if (otherPort === null || tcp.ok) {
      const also = otherPort === null ? '' : `, port ${otherPort.port} ${otherPort.ok ? 'too' : 'not'}`;
      return tcp.ok ? ok(`${tcp.finding}${also} (${tcp.ms} ms)`) : asFinding(tcp);
    }
    if (otherPort.ok) return warn(`${tcp.finding}; port ${otherPort.port} is open, the agent uses it`, tcp.remedy!);
    return [asFinding(tcp), fail(otherPort.finding, otherPort.remedy!)];
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
    return skipped(problem?.problem === 'hung' ? 'not tried: it would end the session of the agent, which hangs' : 'not reached');
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
    const { refused } = await context.way();
    if (refused === null) return skipped('not reached');
    if (refused.length === 0) return ok('each one was tried and is allowed');
    return refused.map(({ operation, topic }) => fail(`${operation} on ${topic} is refused`, IOT_POLICY));
  },
};
