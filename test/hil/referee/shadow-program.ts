import { emptyShadow, get, type JsonObject, readRequest, remove, type Shadow, ShadowError, update } from './document.ts';
import type { Order, Told } from './orders.ts';
import { startWireClient } from './wire-client.ts';

/**
 * A Device Shadow service as a program of its own, on any MQTT broker: it subscribes to the requests of all things and publishes the answers.
 * Its parent tells it what to do wrong, and writes as the cloud does, by messages of Node's IPC channel.
 */

const REQUEST = /^\$aws\/things\/([^/]+)\/shadow(?:\/name\/([^/]+))?\/(get|update|delete)$/;
const [port, caPath, certificatePath, privateKeyPath] = process.argv.slice(2) as [string, string, string, string];

const shadows = new Map<string, Shadow>();
const lastDelta = new Map<string, JsonObject>();
const faults = { codes: [] as number[], silent: false, lostAnswers: 0, lostDeltas: 0 };

const tell = (told: Told) => void process.send?.(told);
const second = () => Math.floor(Date.now() / 1_000);
const shadowOf = (prefix: string) => shadows.get(prefix) ?? emptyShadow();

function publish(topic: string, document: JsonObject): void {
  client.publish(topic, JSON.stringify(document));
}

/** Keeps what an update left, and publishes what follows from it. */
function commit(prefix: string, thing: string, request: Parameters<typeof update>[1], answers: boolean): void {
  const { shadow, accepted, documents, delta } = update(shadowOf(prefix), request, second());
  shadows.set(prefix, shadow);
  tell({ kind: 'changed', thing, shadow });
  if (answers) publish(`${prefix}/update/accepted`, accepted);
  publish(`${prefix}/update/documents`, documents);
  if (delta === null) return;
  lastDelta.set(prefix, delta);
  if (faults.lostDeltas > 0) faults.lostDeltas -= 1;
  else publish(`${prefix}/update/delta`, delta);
}

function serve(thing: string, prefix: string, operation: string, payload: Buffer): void {
  let clientToken: string | undefined;
  try {
    const request = readRequest(payload, operation === 'update');
    clientToken = request.clientToken;
    const answers = faults.lostAnswers === 0;
    if (!answers) faults.lostAnswers -= 1;
    const code = operation === 'update' ? faults.codes.shift() : undefined;
    if (code !== undefined) throw new ShadowError(code, 'as ordered');
    if (operation === 'update') commit(prefix, thing, request, answers);
    if (operation === 'get' && answers) publish(`${prefix}/get/accepted`, get(shadowOf(prefix), request, second(), thing));
    if (operation === 'delete') {
      const { shadow, accepted } = remove(shadowOf(prefix), request, second(), thing);
      shadows.set(prefix, shadow);
      publish(`${prefix}/delete/accepted`, accepted);
    }
  } catch (error) {
    if (!(error instanceof ShadowError)) throw error;
    const { code, message } = error;
    publish(`${prefix}/${operation}/rejected`, { code, message, timestamp: second(), ...(clientToken !== undefined && { clientToken }) });
  }
}

const client = startWireClient({
  port: Number(port),
  clientId: 'shadow-service',
  caPath,
  certificatePath,
  privateKeyPath,
  filters: ['get', 'update', 'delete'].flatMap((name) => [`$aws/things/+/shadow/${name}`, `$aws/things/+/shadow/name/+/${name}`]),
  onMessage(topic, payload) {
    const [, thing, name, operation] = REQUEST.exec(topic) ?? [];
    if (thing === undefined || operation === undefined) return;
    tell({ kind: 'request', thing, operation });
    if (!faults.silent) serve(thing, `$aws/things/${thing}/shadow${name === undefined ? '' : `/name/${name}`}`, operation, payload);
  },
  onReady: () => tell({ kind: 'ready' }),
});

process.on('message', (order: Order) => {
  const prefix = `$aws/things/${'thing' in order ? order.thing : ''}/shadow`;
  switch (order.do) {
    case 'update':
      commit(prefix, order.thing, { state: order.state }, true);
      break;
    case 'delete': {
      const { shadow, accepted } = remove(shadowOf(prefix), { state: null }, second(), order.thing);
      shadows.set(prefix, shadow);
      tell({ kind: 'changed', thing: order.thing, shadow });
      publish(`${prefix}/delete/accepted`, accepted);
      break;
    }
    case 'repeatDelta': {
      const delta = lastDelta.get(prefix);
      for (let times = 0; times < order.times && delta; times++) publish(`${prefix}/update/delta`, delta);
      break;
    }
    case 'fail':
      faults.codes.push(...Array.from({ length: order.times }, () => order.code));
      break;
    case 'silent':
      faults.silent = order.on;
      break;
    case 'loseAnswers':
      faults.lostAnswers = order.times;
      break;
    case 'loseDeltas':
      faults.lostDeltas = order.times;
  }
  tell({ kind: 'done', order: order.do });
});
process.on('disconnect', () => process.exit(0));
