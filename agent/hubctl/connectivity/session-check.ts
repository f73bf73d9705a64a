import type { TLSSocket } from 'node:tls';
import { topicsOf } from '../../contract/topics.ts';
import { reachFinding } from '../../health/reach.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import { bad, type Connectivity, type ConnectivityStep, good, type Settings, type TopicsTried } from '../doctor/check.ts';
import { type Destination, explainConnack, explainTls } from './explain.ts';
import { createMqttProbe, type MqttAnswer, type MqttProbe, SESSION_TAKEN_OVER } from './mqtt.ts';

/** AWS IoT: one CONNECT per client id in a second; a refusal of a topic costs a connection. */
const CONNECT_GAP_MS = 1_100;
/** Topics that may be refused before the search is given up: each costs a connect. */
const MAX_REFUSALS = 4;
/** Each costs a wait of 4 s. */
const MAX_UNANSWERED = 2;
/** A version that no shadow has: the update is checked against the policy, then refused with 409, and changes nothing. */
const IMPOSSIBLE_VERSION = 2_147_483_647;
/** Not retained, and of a session that never was: no reader takes it for news of the hub. */
const NO_NEWS = { state: 'offline', session: '00000000-0000-4000-8000-000000000000', at: 0, version: 'hubctl' };
/** MQTT 5: what AWS IoT answers, or ends the connection with, where the policy refuses. */
const NOT_AUTHORIZED = 0x87;

function connackStep(answer: MqttAnswer, to: Destination): { step: ConnectivityStep; tls: boolean } {
  if (answer.kind === 'done') return { step: good(answer.ms, 'the cloud takes the connection'), tls: false };
  if (answer.kind === 'refused') return { step: bad(0, explainConnack(answer.reason)), tls: false };
  if (answer.kind === 'closed' && answer.error?.code?.startsWith('ERR_SSL')) {
    return { step: bad(0, explainTls(answer.error.code, answer.error.message, to)), tls: true };
  }
  if (answer.kind === 'closed') {
    return { step: bad(0, reachFinding('mqtt_closed', {})), tls: false };
  }
  return { step: bad(0, reachFinding('mqtt_no_answer', {})), tls: false };
}

/** What the agent does with topics, each tried in a way that changes nothing. Vital ones first. The shadow's filters are those of the agent. */
export function operations({ thingName, shadowName, executions, jobs }: Settings) {
  const thing = thingName!;
  const topics = topicsOf(thing);
  const jobsOf = `$aws/things/${thing}/jobs`;
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
    publish(topics.presence, NO_NEWS),
    publish(`${shadow}/get`, {}),
    publish(`${shadow}/update`, { state: { reported: {} }, version: IMPOSSIBLE_VERSION }),
    publish(topics.commandResult('hubctl'), { id: 'hubctl', command: 'hubctl', status: 'SUCCEEDED', page: 1, pages: 1, result: {} }),
    // Of an execution that does not exist: checked against the policy, then rejected.
    ...(executions ? [subscribe(topics.executionRequests), publish(topics.executionResponse('hubctl'), { status: 'IN_PROGRESS' })] : []),
    // Of a job that does not exist, and a request that is none: judged by the policy, then rejected. No job is begun by it.
    ...(jobs
      ? [
          subscribe(`${jobsOf}/#`),
          publish(`${jobsOf}/start-next`, 'hubctl'),
          publish(`${jobsOf}/hubctl/get`, {}),
          publish(`${jobsOf}/hubctl/update`, { status: 'IN_PROGRESS' }),
        ]
      : []),
  ];
}

type Verdict = keyof TopicsTried | 'allowed' | 'closed';

/** A timeout, a quota or a link that fell is no refusal of the policy. */
function verdictOf(answer: MqttAnswer): Verdict {
  if (answer.kind === 'done') return 'allowed';
  if (answer.kind === 'timeout') return 'unanswered';
  if (answer.reason === NOT_AUTHORIZED) return 'refused';
  if (answer.reason === SESSION_TAKEN_OVER) return 'untried';
  return answer.kind === 'closed' && answer.reason === null && answer.error === null ? 'closed' : 'unanswered';
}

/** A link to the cloud as this hub that is made again after a refusal, but never against another client: that is the agent, which came back. */
function createLink(clock: MonotonicClock, thingName: string, first: MqttProbe, again: () => Promise<TLSSocket | null>) {
  let probe: MqttProbe | null = first;
  let takenOver = false;
  const look = () => {
    takenOver ||= probe?.isTakenOver() === true;
    return takenOver;
  };
  async function open(): Promise<MqttProbe | null> {
    if (takenOver) return null;
    await sleep(clock, CONNECT_GAP_MS);
    const socket = await again();
    return socket && createMqttProbe(clock, socket);
  }
  const drop = () => {
    look();
    probe?.end();
    probe = null;
  };
  return {
    drop,
    open,
    async use(): Promise<MqttProbe | null> {
      if (look()) return null;
      if (probe) return probe;
      const made = await open();
      if (made && (await made.connect(thingName)).kind === 'done') probe = made;
      else made?.end();
      return probe;
    },
  };
}
type Link = ReturnType<typeof createLink>;

/** One operation. A close without a reason code may be chance: only the second one counts as a refusal. */
async function tryOne(link: Link, run: (probe: MqttProbe) => Promise<MqttAnswer>): Promise<{ verdict: Verdict; ms: number }> {
  let verdict: Verdict = 'untried';
  for (let round = 0; round < 2; round += 1) {
    const probe = await link.use();
    if (!probe) return { verdict: 'untried', ms: 0 };
    const answer = await run(probe);
    verdict = verdictOf(answer);
    if (answer.kind === 'done') return { verdict, ms: answer.ms };
    if (answer.kind !== 'refused') link.drop();
    if (verdict !== 'closed') break;
  }
  return { verdict: verdict === 'closed' ? 'refused' : verdict, ms: 0 };
}

/** The agent leaves a will with its CONNECT; this one is taken back with a DISCONNECT at once. A CONNECT without it is known to be allowed. */
async function tryWill({ open, drop }: Link, thingName: string): Promise<Verdict> {
  drop();
  const probe = await open();
  if (!probe) return 'untried';
  const answer = await probe.connect(thingName, { topic: topicsOf(thingName).presence, payload: JSON.stringify(NO_NEWS), retain: false });
  probe.end();
  const verdict = verdictOf(answer);
  return verdict === 'closed' ? 'refused' : verdict;
}

/** CONNECT, and with `topics` everything that the agent does on topics; else one message. */
export async function checkSession(
  connectivity: Connectivity,
  settings: Settings,
  {
    clock,
    to,
    first,
    again,
    topics,
  }: { clock: MonotonicClock; to: Destination; first: TLSSocket; again: () => Promise<TLSSocket | null>; topics: boolean },
): Promise<void> {
  const thingName = settings.thingName!;
  const probe = createMqttProbe(clock, first);
  const { step, tls } = connackStep(await probe.connect(thingName), to);
  if (tls) connectivity.tls = step;
  else connectivity.connack = step;
  if (!step.ok) return probe.end();

  const link = createLink(clock, thingName, probe, again);
  const tried: TopicsTried = { refused: [], unanswered: [], untried: [] };
  const enough = () => tried.refused.length >= MAX_REFUSALS || tried.unanswered.length >= MAX_UNANSWERED || tried.untried.length > 0;
  const all = operations(settings);
  for (const { operation, topic, run } of topics ? all : all.filter((each) => each.operation === 'iot:Publish').slice(0, 1)) {
    const { verdict, ms } = enough() ? { verdict: 'untried' as const, ms: 0 } : await tryOne(link, run);
    if (verdict === 'allowed' && operation === 'iot:Publish') connectivity.puback ??= good(ms, 'a message is acknowledged');
    if (verdict !== 'allowed' && verdict !== 'closed') tried[verdict].push({ operation, topic });
  }
  if (topics) {
    const verdict = enough() ? 'untried' : await tryWill(link, thingName);
    const will = { operation: 'iot:Connect with a last will (iot:ConnectAttributes LastWill)', topic: topicsOf(thingName).presence };
    if (verdict !== 'allowed' && verdict !== 'closed') tried[verdict].push(will);
    connectivity.topics = tried;
  }
  link.drop();
  connectivity.puback ??= bad(0, reachFinding('mqtt_no_puback', { refused: tried.refused.length > 0 }));
}
