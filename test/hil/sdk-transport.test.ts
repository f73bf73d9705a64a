import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createSdkTransport } from '../../agent/cloud/connection/sdk-transport.ts';
import type { Link, LinkHandlers } from '../../agent/cloud/connection/transport.ts';
import { createMonotonicClock } from '../../agent/system/clock.ts';
import { createEntropy } from '../../agent/system/entropy.ts';
import { unguarded } from '../../agent/system/guard.ts';
import { Secret } from '../../agent/system/secret.ts';
import { createIotCore } from '../twins/iot-core/index.ts';
import type { IotCore } from '../twins/iot-core/types.ts';
import { createPki } from '../twins/pki/pki.ts';

const THING = 'hub';
let iotCore: IotCore;
let connect: (handlers?: Partial<LinkHandlers>) => Promise<{ link: Link; fell: Promise<string> }>;

beforeAll(async () => {
  const pki = await createPki();
  iotCore = createIotCore({ pki, limits: { connectsPerSecondPerClient: 100 } });
  await iotCore.start();
  const { certificate, privateKey } = await pki.issueClient(THING);
  iotCore.registerThing({ thingName: THING, certificate });
  const transport = createSdkTransport({
    thingName: THING,
    shadowName: null,
    tls: { certificate, privateKey: new Secret(privateKey), authorities: pki.caCertificate },
    clock: createMonotonicClock(),
    entropy: createEntropy(),
    guard: unguarded,
  });
  connect = (handlers) =>
    new Promise((resolve, reject) => {
      let fall = (_reason: string) => {};
      const fell = new Promise<string>((tell) => {
        fall = tell;
      });
      const target = { host: iotCore.host, port: iotCore.port };
      const will = { topic: `hubs/${THING}/presence`, payload: 'will' };
      const link: Link = transport.connect(
        { target, clientId: THING, keepAliveSeconds: 30, will },
        {
          onUp: () => resolve({ link, fell }),
          onDown({ reason }) {
            fall(reason);
            reject(new Error(reason));
          },
          onMessage() {},
          onDelta() {},
          onUnreadable() {},
          ...handlers,
        },
      );
    });
});

afterAll(async () => {
  iotCore.faults.clear();
  await iotCore.stop();
});

/** Nothing of the cloud answers: everything that is asked stays under way. */
async function mute(): Promise<{ fell: Promise<string>; link: Link; pending: Promise<unknown>[] }> {
  const { link, fell } = await connect();
  await link.updateShadow({ reported: { online: true } });
  iotCore.faults.loseShadowResponses(100);
  iotCore.faults.losePubacks(100);
  const pending = [
    link.readShadow(),
    link.updateShadow({ reported: { online: true } }),
    link.publish(`hubs/${THING}/presence`, 'birth', { retain: true }),
  ];
  for (const operation of pending) operation.catch(() => {});
  return { link, fell, pending };
}

test('when the link falls, whatever was under way ends with it, at once', async () => {
  const { fell, pending } = await mute();
  iotCore.faults.drop(THING);
  await fell;
  iotCore.faults.clear();
  for (const operation of pending) await expect(operation).rejects.toMatchObject({ code: 'cloud_disconnected' });
});

test('when the agent closes it, too; and what is asked of it afterwards is refused', async () => {
  const { link, pending } = await mute();
  const closed = link.close();
  for (const operation of pending) await expect(operation).rejects.toMatchObject({ code: 'cloud_disconnected' });
  await expect(link.readShadow()).rejects.toMatchObject({ code: 'cloud_disconnected' });
  iotCore.faults.clear();
  await closed;
});

test('what a delta leads to is sent before the acknowledgement of the delta, which comes all the same', async () => {
  const packets: string[] = [];
  const acknowledged = Promise.withResolvers<void>();
  const end = iotCore.onPacket(({ direction, packet }) => {
    if (direction !== 'up' || (packet.cmd !== 'publish' && packet.cmd !== 'puback')) return;
    packets.push(packet.cmd === 'publish' ? packet.topic : packet.cmd);
    if (packet.cmd === 'puback') acknowledged.resolve();
  });
  onTestFinished(end);
  let answer = () => {};
  const { link } = await connect({ onDelta: () => answer() });
  answer = () => void link.publish(`hubs/${THING}/answer`, 'now');
  await link.openDeltas();
  iotCore.shadow(THING).update({ state: { desired: { command: 'server_info' } } });
  await acknowledged.promise;
  expect(packets).toEqual([`hubs/${THING}/answer`, 'puback']);
  await link.close();
});

test('a message that AWS IoT would end the connection for is refused before it is sent', async () => {
  const { link } = await connect();
  await expect(link.publish(`hubs/${THING}/answer`, 'x'.repeat(128 * 1024 + 1))).rejects.toMatchObject({ code: 'cloud_refused' });
  await link.publish(`hubs/${THING}/answer`, 'the link stands');
  await link.close();
});

test('what a session subscribes to is one packet, and each of its parts is answered', async () => {
  const packets: number[] = [];
  const end = iotCore.onPacket(({ direction, packet }) => {
    if (direction === 'up' && packet.cmd === 'subscribe') packets.push(packet.subscriptions.length);
  });
  onTestFinished(end);
  const { link } = await connect();
  await Promise.all([link.subscribe(`hubs/${THING}/presence`, 0), link.openDeltas()]);
  await link.readShadow();
  await link.updateShadow({ reported: { online: true } });
  expect(packets).toEqual([5]);
  await link.close();
});

test('a publish that waits for its turn ends with the link, at once', async () => {
  const { link, fell } = await connect();
  const pages = Array.from({ length: 30 }, () => link.publish(`hubs/${THING}/answer`, 'x'.repeat(120 * 1024)));
  const settledPages = Promise.allSettled(pages);
  await pages[0];
  iotCore.faults.drop(THING);
  await fell;
  const ended = await Promise.race([settledPages, new Promise((resolve) => setImmediate(() => setImmediate(resolve)))]);
  expect(ended).toHaveLength(30);
  expect((await settledPages).at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'cloud_disconnected' } });
});
