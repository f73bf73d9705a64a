import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { topicsOf } from '../../contract/topics.ts';
import { explainConnack, explainDns, explainTcp, explainTls } from '../probe/explain.ts';
import { createMqttProbe, type MqttAnswer, type MqttProbe } from '../probe/mqtt.ts';
import { openTcp, openTls, resolveName, type TlsFiles } from '../probe/net.ts';
import type { Settings, Way, WayStep } from './check.ts';

const MQTT_PORT = 8883;
const HTTPS_PORT = 443;
/** AWS IoT: one CONNECT per client id in a second; a refusal of a topic costs a connection. */
const CONNECT_GAP_MS = 1_100;
/** Topics that may be refused before the search is given up: each costs a connect. */
const MAX_REFUSALS = 4;
/** A version that no shadow has: the update is judged by the policy, then refused with 409, and changes nothing. */
const IMPOSSIBLE_VERSION = 2_147_483_647;

const good = (ms: number, finding: string): WayStep => ({ ok: true, ms, finding, remedy: null });
const bad = (ms: number, { finding, remedy }: { finding: string; remedy: string }): WayStep => ({ ok: false, ms, finding, remedy });

async function tlsFiles({ certificatePath, privateKeyPath, caPath }: Settings): Promise<TlsFiles | null> {
  try {
    const [certificate, privateKey, ca] = await Promise.all([readFile(certificatePath!), readFile(privateKeyPath!), readFile(caPath!)]);
    return { certificate, privateKey, ca };
  } catch {
    return null;
  }
}

async function tcpStep(address: string, host: string, port: number): Promise<{ step: WayStep; socket: Socket | null }> {
  const opened = await openTcp(address, port);
  if (opened.ok) return { step: good(opened.ms, `port ${port} is open`), socket: opened.value };
  return { step: bad(opened.ms, explainTcp(opened.code, host, port)), socket: null };
}

/** How far a connection to the cloud comes. When `session` answers true, as far as MQTT, which ends a session of the same identity elsewhere. */
export async function exploreWay(
  settings: Settings,
  options: { session: () => Promise<boolean>; topics: boolean; otherPort: boolean },
): Promise<Way> {
  const way: Way = { dns: null, tcp: null, otherPort: null, tls: null, connack: null, puback: null, refused: null };
  const { endpoint, port } = settings;
  if (endpoint === null) return way;
  const resolved = await resolveName(endpoint);
  if (!resolved.ok) {
    way.dns = bad(resolved.ms, explainDns(resolved.code, endpoint));
    return way;
  }
  const address = resolved.value[0]!;
  way.dns = good(resolved.ms, `${endpoint} is ${resolved.value.slice(0, 2).join(', ')}`);

  const other = port === MQTT_PORT ? HTTPS_PORT : port === HTTPS_PORT ? MQTT_PORT : null;
  const looked = other !== null && options.otherPort ? tcpStep(address, endpoint, other) : null;
  const { step, socket } = await tcpStep(address, endpoint, port);
  way.tcp = step;
  const alternative = await looked;
  alternative?.socket?.destroy();
  if (alternative) way.otherPort = { ...alternative.step, port: other! };
  // Like the agent, which then goes over the other port.
  const usable = socket ?? (alternative?.step.ok ? ((await tcpStep(address, endpoint, other!)).socket ?? null) : null);
  if (!usable) return way;

  const files = await tlsFiles(settings);
  if (!files) {
    usable.destroy();
    return way;
  }
  const secured = await openTls(usable, endpoint, files);
  if (!secured.ok) {
    usable.destroy();
    way.tls = bad(secured.ms, explainTls(secured.code, secured.message));
    return way;
  }
  way.tls = good(secured.ms, `${secured.value.getProtocol()} with the certificate of the hub`);
  if (settings.thingName === null || !(await options.session())) {
    secured.value.destroy();
    return way;
  }
  await exploreSession(way, settings, secured.value, files, options.topics);
  return way;
}

function connackStep(answer: MqttAnswer): { step: WayStep; tls: boolean } {
  if (answer.kind === 'done') return { step: good(answer.ms, 'the cloud takes the connection'), tls: false };
  if (answer.kind === 'refused') return { step: bad(0, explainConnack(answer.reason)), tls: false };
  if (answer.kind === 'closed' && answer.error?.code?.startsWith('ERR_SSL')) {
    return { step: bad(0, explainTls(answer.error.code, answer.error.message)), tls: true };
  }
  if (answer.kind === 'closed') {
    const remedy =
      'Check in AWS IoT that the certificate is ACTIVE, belongs to the Thing of identity.json, and has a policy with iot:Connect.';
    return { step: bad(0, { finding: 'the cloud closes the connection instead of answering CONNECT', remedy }), tls: false };
  }
  return {
    step: bad(0, { finding: 'the cloud does not answer CONNECT', remedy: 'Try again; then look at the AWS Health Dashboard.' }),
    tls: false,
  };
}

/** What the agent does with topics, each tried in a way that changes nothing. Vital ones first. The shadow's filters are those of the SDK's shadow client. */
export function operations({ thingName, shadowName, executions }: Settings) {
  const thing = thingName!;
  const topics = topicsOf(thing);
  const shadow = `$aws/things/${thing}/shadow${shadowName === null ? '' : `/name/${shadowName}`}`;
  const subscribe = (topic: string) => ({ operation: 'iot:Subscribe', topic, run: (probe: MqttProbe) => probe.subscribe(topic) });
  const publish = (topic: string, payload: unknown) => ({
    operation: 'iot:Publish',
    topic,
    run: (probe: MqttProbe) => probe.publish(topic, JSON.stringify(payload)),
  });
  return [
    subscribe(topics.presence),
    subscribe(`${shadow}/update/delta`),
    subscribe(`${shadow}/get/+`),
    subscribe(`${shadow}/update/accepted`),
    subscribe(`${shadow}/update/rejected`),
    // Not retained, and of a session that never was: nobody takes it for news.
    publish(topics.presence, { state: 'offline', session: '00000000-0000-4000-8000-000000000000', at: 0, version: 'hubctl' }),
    publish(`${shadow}/get`, {}),
    publish(`${shadow}/update`, { state: { reported: {} }, version: IMPOSSIBLE_VERSION }),
    publish(topics.commandResult('hubctl'), { id: 'hubctl', command: 'hubctl', status: 'SUCCEEDED', page: 1, pages: 1, result: {} }),
    // Of an execution that nobody started: judged by the policy, then rejected.
    ...(executions ? [subscribe(topics.executionRequests), publish(topics.executionResponse('hubctl'), { status: 'IN_PROGRESS' })] : []),
  ];
}

async function exploreSession(way: Way, settings: Settings, first: TLSSocket, files: TlsFiles, topics: boolean): Promise<void> {
  let probe: MqttProbe | null = createMqttProbe(first);
  const { step, tls } = connackStep(await probe.connect(settings.thingName!));
  if (tls) way.tls = step;
  else way.connack = step;
  if (!step.ok) return probe.end();

  const refused: NonNullable<Way['refused']> = [];
  const all = operations(settings);
  const todo = topics ? all : all.filter(({ operation }) => operation === 'iot:Publish').slice(0, 1);
  for (const { operation, topic, run } of todo) {
    probe ??= await reconnect(settings, files);
    if (!probe || refused.length >= MAX_REFUSALS) break;
    const answer = await run(probe);
    if (answer.kind === 'done') {
      if (operation === 'iot:Publish') way.puback ??= good(answer.ms, 'a message is acknowledged');
      continue;
    }
    refused.push({ operation, topic });
    if (answer.kind !== 'refused') {
      probe.end();
      probe = null;
    }
  }
  probe?.end();
  if (topics) way.refused = refused;
  if (!way.puback) {
    const remedy = 'Allow iot:Publish on the topics of this hub in the policy of its certificate.';
    way.puback = bad(0, { finding: 'no message is acknowledged', remedy });
  }
}

async function reconnect(settings: Settings, files: TlsFiles): Promise<MqttProbe | null> {
  await new Promise((resolve) => setTimeout(resolve, CONNECT_GAP_MS));
  const resolved = await resolveName(settings.endpoint!);
  const tcp = resolved.ok ? await openTcp(resolved.value[0]!, settings.port) : null;
  const tls = tcp?.ok ? await openTls(tcp.value, settings.endpoint!, files) : null;
  if (!tls?.ok) return null;
  const probe = createMqttProbe(tls.value);
  if ((await probe.connect(settings.thingName!)).kind === 'done') return probe;
  probe.end();
  return null;
}
