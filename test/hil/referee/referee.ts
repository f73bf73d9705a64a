import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Mosquitto, startMosquitto } from '../mosquitto/broker.ts';
import { createSignal, type Subscribe, until } from '../rig/until.ts';
import type { Shadow } from './document.ts';
import type { Order, Told } from './orders.ts';
import { startWireClient, type WireClient } from './wire-client.ts';

const PROGRAM = fileURLToPath(new URL('./shadow-program.ts', import.meta.url));
const SERVICE = 'shadow-service';
const CLOUD = 'cloud';

/** The policy of a hub (scripts/aws/policy.json) in Mosquitto's words; `%u` is the name in the certificate. */
const ACL = [
  `user ${SERVICE}`,
  'topic readwrite $aws/#',
  `user ${CLOUD}`,
  'topic readwrite #',
  'topic readwrite $aws/#',
  'pattern readwrite hubs/%u/presence',
  'pattern write hubs/%u/commands/+/result',
  'pattern write $aws/things/%u/shadow/get',
  'pattern write $aws/things/%u/shadow/update',
  'pattern read $aws/things/%u/shadow/get/+',
  'pattern read $aws/things/%u/shadow/update/accepted',
  'pattern read $aws/things/%u/shadow/update/rejected',
  'pattern read $aws/things/%u/shadow/update/delta',
];

export interface Message {
  topic: string;
  payload: Buffer;
}

/** Mosquitto with the Shadow service beside it, and a client that sees and may say everything. Nothing of the twins is in the way. */
export interface Referee extends AsyncDisposable {
  readonly broker: Mosquitto;
  /** What the cloud's client saw on `hubs/#`. */
  readonly messages: readonly Message[];
  /** Requests of things that reached the Shadow service, as `thing operation`. */
  readonly requests: readonly string[];
  readonly cloud: WireClient;
  shadow(thing: string): Shadow | null;
  /** Done when the Shadow service has done it. */
  order(order: Order): Promise<void>;
  /** The broker goes and comes back; resolves when the Shadow service and the cloud's client are there again. */
  restartBroker(): Promise<void>;
  readonly changed: Subscribe;
}

export async function startReferee(mosquitto: string): Promise<Referee> {
  await using opened = new AsyncDisposableStack();
  const broker = opened.use(await startMosquitto(mosquitto, { acl: ACL }));
  const signal = createSignal();
  const shadows = new Map<string, Shadow>();
  const messages: Message[] = [];
  const requests: string[] = [];
  const ready = { service: 0, cloud: 0 };
  const done: Order['do'][] = [];

  const service = await broker.files(SERVICE, await broker.issueClient(SERVICE));
  const child: ChildProcess = fork(PROGRAM, [String(broker.port), service.caPath, service.certificatePath, service.privateKeyPath], {
    execArgv: [],
  });
  opened.defer(async () => {
    if (child.exitCode !== null) return;
    child.disconnect();
    await once(child, 'exit');
  });
  child.on('message', (told: Told) => {
    if (told.kind === 'ready') ready.service += 1;
    if (told.kind === 'request') requests.push(`${told.thing} ${told.operation}`);
    if (told.kind === 'changed') shadows.set(told.thing, told.shadow);
    if (told.kind === 'done') done.push(told.order);
    signal.fire();
  });
  child.once('exit', () => signal.fire());

  const cloudFiles = await broker.files(CLOUD, await broker.issueClient(CLOUD));
  const cloud = startWireClient({
    port: broker.port,
    clientId: CLOUD,
    ...cloudFiles,
    filters: ['hubs/#'],
    onMessage(topic, payload) {
      messages.push({ topic, payload });
      signal.fire();
    },
    onReady() {
      ready.cloud += 1;
      signal.fire();
    },
  });
  opened.defer(() => cloud.stop());
  const bothReady = (times: number) =>
    until(signal.subscribe, 'the Shadow service on the broker', () => ready.service >= times && ready.cloud >= times);
  await bothReady(1);

  const closing = opened.move();
  let orders = 0;
  return {
    broker,
    messages,
    requests,
    cloud,
    changed: signal.subscribe,
    shadow: (thing) => shadows.get(thing) ?? null,
    async order(order) {
      const number = ++orders;
      child.send(order);
      await until(signal.subscribe, `the order ${order.do}`, () => {
        if (child.exitCode !== null) throw new Error('the Shadow service has ended');
        return done.length >= number;
      });
    },
    async restartBroker() {
      const before = Math.max(ready.service, ready.cloud);
      await broker.restart();
      await bothReady(before + 1);
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
