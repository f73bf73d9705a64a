import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cloud, createCloud } from '../../agent/cloud/cloud.ts';
import { createSdkTransport } from '../../agent/cloud/connection/sdk-transport.ts';
import type { Down, Link } from '../../agent/cloud/connection/transport.ts';
import { topicsOf } from '../../agent/contract/topics.ts';
import { createMonotonicClock, createWallClock } from '../../agent/system/clock.ts';
import { createEntropy } from '../../agent/system/entropy.ts';
import { unguarded } from '../../agent/system/guard.ts';
import { Secret } from '../../agent/system/secret.ts';
import { openRawClient, type RawClient } from '../twins/iot-core/raw-client.ts';
import { createFakeLog } from '../unit/nodes/fakes.ts';
import { findMosquitto, type Mosquitto, startMosquitto } from './mosquitto/broker.ts';
import { createWire, type Wire } from './mosquitto/wire.ts';
import { createSignal, until } from './rig/until.ts';

/** Set where the referee must not be missing. */
const REQUIRED = process.env.HUB_REQUIRE_MOSQUITTO === '1';
const COMMAND = findMosquitto();
const KEEP_ALIVE_SECONDS = 2;

if (COMMAND === null && !REQUIRED) process.stdout.write('skipped: the suite against Mosquitto (apt-get install mosquitto)\n');

test.runIf(COMMAND === null && REQUIRED)('Mosquitto is installed', () => {
  throw new Error('HUB_REQUIRE_MOSQUITTO is set, and mosquitto is not installed (apt-get install mosquitto)');
});

/** A link of the agent's own transport, with what it told. */
interface Probe {
  link: Link;
  ups: number;
  downs: Down[];
  messages: { topic: string; payload: string; retained: boolean }[];
}

describe.runIf(COMMAND !== null)('against Mosquitto, a broker that knows nothing of this agent', () => {
  const clock = createMonotonicClock();
  let broker: Mosquitto;
  let wire: Wire;
  let observer: RawClient;
  const cleanups: (() => Promise<void> | void)[] = [];
  let count = 0;
  const newThing = () => `hub-${process.pid}-${++count}`;

  beforeAll(async () => {
    broker = await startMosquitto(COMMAND!);
    wire = await createWire(broker.port);
    observer = await openRawClient({
      host: '127.0.0.1',
      port: broker.port,
      caCertificate: broker.caCertificate,
      credentials: await broker.issueClient('observer'),
    });
    await observer.connect({ clientId: 'observer', keepalive: 0 });
    await observer.subscribe(['hubs/#']);
  });

  afterAll(async () => {
    for (const cleanup of cleanups) await cleanup();
    observer?.destroy();
    await wire?.[Symbol.asyncDispose]();
    await broker?.[Symbol.asyncDispose]();
  });

  async function transportOf(thing: string, credentials = broker.issueClient(thing)) {
    const { certificate, privateKey } = await credentials;
    const tls = { certificate, privateKey: new Secret(privateKey), authorities: broker.caCertificate };
    return createSdkTransport({ thingName: thing, shadowName: null, tls, clock, entropy: createEntropy(), guard: unguarded });
  }

  async function connect(thing: string, transport = transportOf(thing), port = wire.port) {
    const signal = createSignal();
    const probe: Probe = { link: null as never, ups: 0, downs: [], messages: [] };
    const topics = topicsOf(thing);
    probe.link = (await transport).connect(
      {
        target: { host: '127.0.0.1', port },
        clientId: thing,
        keepAliveSeconds: KEEP_ALIVE_SECONDS,
        will: { topic: topics.presence, payload: `will of ${thing}` },
      },
      {
        onUp() {
          probe.ups++;
          signal.fire();
        },
        onDown(down) {
          probe.downs.push(down);
          signal.fire();
        },
        onMessage(topic, payload, retained) {
          probe.messages.push({ topic, payload: payload.toString(), retained });
          signal.fire();
        },
        onDelta() {},
        onUnreadable() {},
      },
    );
    cleanups.push(() => probe.link.close());
    const wait = <T>(what: string, look: () => T | null | undefined | false) => until(signal.subscribe, what, look);
    return { ...topics, probe, wait };
  }

  const up = async (thing: string) => {
    const connected = await connect(thing);
    await connected.wait('CONNACK', () => connected.probe.ups === 1);
    return connected;
  };

  test('mutual TLS: up with a certificate of the authority, down without one', async () => {
    const { probe } = await up(newThing());
    await probe.link.close();
    expect(probe.downs).toMatchObject([{ reason: 'local' }]);
    const { createPki } = await import('../twins/pki/pki.ts');
    const thing = newThing();
    const stranger = await connect(thing, transportOf(thing, (await createPki()).issueClient(thing)));
    const down = await stranger.wait('refusal', () => stranger.probe.downs[0]);
    expect(['tls', 'closed']).toContain(down.reason);
    expect(stranger.probe.ups).toBe(0);
  });

  test('QoS 1 both ways; retained messages are told from news', async () => {
    const thing = newThing();
    const { probe, presence, wait, commandResult } = await up(thing);
    await probe.link.subscribe(presence);
    await probe.link.publish(presence, 'born', { retain: true });
    await wait('own message', () => probe.messages.some(({ payload, retained }) => payload === 'born' && !retained));
    await probe.link.publish(commandResult('c1'), 'x'.repeat(120 * 1024));
    const seen = await observer.next('publish', ({ topic }) => topic === commandResult('c1'));
    expect(seen.payload.length).toBe(120 * 1024);
    await probe.link.close({ silently: true });
    const again = await up(thing);
    await again.probe.link.subscribe(presence);
    expect(await again.wait('retained', () => again.probe.messages[0])).toEqual({ topic: presence, payload: 'born', retained: true });
  });

  test('a silent close leaves the will unsaid; any other end publishes it, retained', async () => {
    const thing = newThing();
    const clean = await up(thing);
    await clean.probe.link.close({ silently: true });
    const willing = await up(newThing());
    await willing.probe.link.close();
    await observer.next('publish', ({ topic }) => topic === willing.presence);
    const cut = await up(thing);
    wire.cut();
    expect(await cut.wait('down', () => cut.probe.downs[0])).toMatchObject({ reason: 'closed' });
    await observer.next('publish', ({ topic, payload }) => topic === cut.presence && payload.toString() === `will of ${thing}`);
    expect(observer.publishes().filter(({ topic }) => topic === cut.presence)).toHaveLength(1);
  });

  test('a second client with the same id: the first ends, the second stays', async () => {
    const thing = newThing();
    const transport = await transportOf(thing);
    const first = await connect(thing, Promise.resolve(transport), broker.port);
    await first.wait('CONNACK', () => first.probe.ups === 1);
    const second = await connect(thing, Promise.resolve(transport), broker.port);
    await second.wait('CONNACK', () => second.probe.ups === 1);
    // Mosquitto 2.0 ends the first without a word; later ones send the DISCONNECT of MQTT 5.
    expect(['taken_over', 'closed']).toContain((await first.wait('down', () => first.probe.downs[0])).reason);
    expect(second.probe.downs).toEqual([]);
  });

  test('silence on the wire: the hub notices by its keepalive, and its will is said', async () => {
    const { probe, wait, presence } = await up(newThing());
    wire.silence();
    expect(await wait('down', () => probe.downs[0])).toMatchObject({ reason: 'keepalive' });
    await observer.next('publish', ({ topic }) => topic === presence);
  });

  test('the whole cloud part: birth, an offline contradicted, a cut survived with a new session, a goodbye', async () => {
    const thing = newThing();
    const topics = topicsOf(thing);
    const log = createFakeLog();
    const told = { ups: 0, downs: 0 };
    const cloud: Cloud = createCloud({
      transport: await transportOf(thing),
      targets: [{ host: '127.0.0.1', port: wire.port }],
      connection: { spreadMs: 0, minBackoffMs: 100, maxBackoffMs: 1_000, maxUnreachableBackoffMs: 1_000, settleMs: 60_000 },
      clientId: thing,
      keepAliveSeconds: 30,
      topics,
      identity: { hubId: thing, serial: 's', model: 'm', vendorName: 'v', version: '1.0.0' },
      executions: true,
      heartbeatMs: 900_000,
      uptimeSeconds: () => 1,
      clockTrusted: () => true,
      listeners: { linkUp: () => told.ups++, linkDown: () => told.downs++, takenOver() {}, view() {}, updated() {}, request() {} },
      wallClock: createWallClock(),
      clock,
      entropy: createEntropy(),
      log,
    });
    cleanups.push(() => cloud.stop());
    const next = async (state: string) => {
      const { payload } = await observer.next(
        'publish',
        ({ topic, payload }) => topic === topics.presence && payload.includes(`"${state}"`),
      );
      return JSON.parse(payload.toString()) as { session: string };
    };
    cloud.start();
    const first = await next('online');
    await observer.publish(topics.presence, { state: 'offline', session: 'old', at: 1, version: '1' }, { retain: true });
    await next('offline');
    expect(await next('online')).toMatchObject({ session: first.session });
    wire.cut();
    expect(await next('offline')).toMatchObject({ session: first.session });
    const second = await next('online');
    expect(second.session).not.toBe(first.session);
    expect(cloud.facts()).toMatchObject({ phase: 'connected', reconnectCount: 1, leftOut: [] });
    await cloud.stop();
    expect(await next('offline')).toMatchObject({ session: second.session });
    expect(told.downs).toBe(2);
  });
});
