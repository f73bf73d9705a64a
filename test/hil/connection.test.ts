import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openRawClient } from '../twins/iot-core/raw-client.ts';
import { createRig, type Rig } from './rig/rig.ts';
import { startOnline, untilOnline } from './rig/start.ts';

/** A firewall that lets TCP through and then ends it: nothing of TLS or MQTT gets any further. */
async function startBlockedPort(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

function countConnects(rig: Rig): () => number {
  let connects = 0;
  rig.iotCore.onEvent(({ kind, clientId }) => {
    if (kind === 'connected' && clientId === rig.hubId) connects += 1;
  });
  return () => connects;
}

describe.concurrent('connection', () => {
  test('the first port is blocked: the second one, which demands ALPN, serves, and the port shows', async () => {
    await using blocked = await startBlockedPort();
    await using rig = await createRig({
      iotCore: { alpnPort: 0 },
      config: ({ alpnPort }) => ({ cloud: { port: blocked.port, fallbackPort: alpnPort } }),
    });
    await rig.provision();
    const agent = rig.startAgent();
    await untilOnline(rig);
    expect(rig.iotCore.alpnPort).toBeGreaterThan(0);
    expect(agent.lines.filter(({ event }) => event === 'cloud_connecting').map(({ port }) => port)).toEqual([
      blocked.port,
      blocked.port,
      rig.iotCore.alpnPort,
    ]);
    expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED', result: { cloud: { port: rig.iotCore.alpnPort } } });
  });

  test('a link that goes dead: the hub notices by its keepalive', async () => {
    const keepAliveSeconds = 2;
    await using world = await startOnline({
      config: { cloud: { keepAliveSeconds, allowShortKeepAlive: true } },
      iotCore: { limits: { minKeepAliveSeconds: 1 } },
    });
    const { rig, agent } = world;
    const session = String(rig.reported().session);
    expect(rig.iotCore.faults.halfOpen(rig.hubId)).toBe(true);
    expect(await agent.waitFor('cloud_down')).toMatchObject({ reason: 'keepalive' });
    await untilOnline(rig, session);
  });

  test('a copy of the hub’s certificate connects: reported as such, and no tug of war', async () => {
    await using world = await startOnline({ iotCore: { limits: { connectsPerSecondPerClient: 100 } } });
    const { rig, agent } = world;
    const connects = countConnects(rig);
    const read = (name: string) => readFile(join(rig.folder, 'etc', name), 'utf8');
    const { host, port } = rig.iotCore;
    const copy = await openRawClient({
      host,
      port,
      caCertificate: await read('ca.pem'),
      credentials: { certificate: await read('certificate.pem'), privateKey: await read('private.key') },
    });
    expect(await copy.connect({ clientId: rig.hubId })).toMatchObject({ reasonCode: 0 });
    expect(await agent.waitFor('client_id_taken_over')).toMatchObject({ level: 'error', clientId: rig.hubId });
    const { delayMs } = await agent.waitFor('cloud_waiting', { where: ({ lastDown }) => lastDown === 'taken_over' });
    expect(delayMs).toBeGreaterThanOrEqual(60_000);
    expect(connects()).toBe(1);
    copy.destroy();
    await copy.closed;
  });

  test.each(['subscribe', 'publish'] as const)(
    'the policy forbids to %s on a topic of the hub: left out, no loop, and the hub serves',
    async (action) => {
      await using rig = await createRig({ config: { cloud: { connect: { spreadSeconds: 0, maxBackoffMs: 2_000 } } } });
      await rig.provision();
      const connects = countConnects(rig);
      if (action === 'subscribe') rig.iotCore.faults.denySubscribe(`hubs/${rig.hubId}/presence`);
      else rig.iotCore.faults.denyPublish(`hubs/${rig.hubId}/commands`);
      const agent = rig.startAgent();
      await untilOnline(rig);
      expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
      const operation = action === 'subscribe' ? 'presence_subscribe' : 'result_publish';
      await agent.waitFor('cloud_operation_quarantined', { where: (line) => line.operation === operation });
      const before = connects();
      expect(before).toBeLessThanOrEqual(3);
      expect(await rig.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED' });
      expect(connects()).toBe(before);
    },
  );

  test('the network is away at the start: the hub says so, keeps trying, and comes online when it is there', async () => {
    await using rig = await createRig();
    await rig.provision();
    await rig.iotCore.stop();
    const agent = rig.startAgent();
    expect(await agent.waitFor('cloud_waiting', { where: ({ reason }) => reason === 'backoff' })).toMatchObject({ lastDown: 'network' });
    await rig.iotCore.start();
    await untilOnline(rig);
  });
});
