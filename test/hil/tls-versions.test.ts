import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SecureVersion } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { proveFromAddress } from '../../agent/cloud/connection/bound-proof.ts';
import { createSdkTransport } from '../../agent/cloud/connection/sdk-transport.ts';
import type { TlsCredentials } from '../../agent/contract/tls.ts';
import { openTcp, openTls } from '../../agent/hubctl/connectivity/net.ts';
import { createMonotonicClock } from '../../agent/system/clock.ts';
import { createEntropy } from '../../agent/system/entropy.ts';
import { unguarded } from '../../agent/system/guard.ts';
import { Secret } from '../../agent/system/secret.ts';
import { makeBatch } from '../bench/flash/batch.ts';
import { createIotCore } from '../twins/iot-core/index.ts';
import { createPki } from '../twins/pki/pki.ts';

const FLASH = resolve(import.meta.dirname, '../../scripts/flash/main.ts');
/** What would let Node speak every version, were it not for our own minimum. */
const LAX = '--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0';
const will = { topic: 'hubs/hub/presence', payload: 'will' };
const publish = { topic: 'hubs/hub/presence', payload: '{}', retain: true };

interface Cloud {
  target: { host: string; port: number };
  tls: TlsCredentials;
}

/** A cloud that speaks one version only. */
async function cloudWith(onlyTls: SecureVersion): Promise<Cloud> {
  const pki = await createPki();
  const { certificate, privateKey } = await pki.issueClient('hub');
  const iotCore = createIotCore({ pki, onlyTls, limits: { connectsPerSecondPerClient: 100 } });
  await iotCore.start();
  onTestFinished(() => iotCore.stop());
  iotCore.registerThing({ thingName: 'hub', certificate });
  return {
    target: { host: iotCore.host, port: iotCore.port },
    tls: { certificate, privateKey: new Secret(privateKey), authorities: pki.caCertificate },
  };
}

/** How each connection of the product ends: the agent's own, the proof of a Wi-Fi change, and that of doctor and ping. */
const CONNECTIONS: [string, (cloud: Cloud) => Promise<string>][] = [
  [
    'the SDK',
    ({ target, tls }) =>
      new Promise((done) => {
        const transport = createSdkTransport({
          thingName: 'hub',
          shadowName: null,
          tls,
          clock: createMonotonicClock(),
          entropy: createEntropy(),
          guard: unguarded,
        });
        const link = transport.connect(
          { target, clientId: 'hub', keepAliveSeconds: 30, will },
          {
            onUp: () => void link.close().then(() => done('up')),
            onDown: ({ reason }) => reason !== 'local' && done(reason),
            onMessage() {},
            onDelta() {},
            onUnreadable() {},
          },
        );
      }),
  ],
  [
    'the proof of a Wi-Fi change',
    ({ target, tls }) =>
      proveFromAddress(
        { target, clientId: 'hub', tls, localAddress: '127.0.0.1', publish, will, guard: unguarded },
        new AbortController().signal,
      ).then(
        () => 'up',
        () => 'tls',
      ),
  ],
  [
    'doctor and ping',
    async ({ target, tls }) => {
      const clock = createMonotonicClock();
      const tcp = await openTcp(clock, [target.host], target.port);
      if (!tcp.ok) return tcp.code;
      const secured = await openTls(clock, tcp.value, target.host, tls);
      if (secured.ok) secured.value.socket.destroy();
      return secured.ok ? 'up' : 'tls';
    },
  ],
];

test.each(CONNECTIONS)('%s: TLS 1.2 and 1.3, nothing older', async (_name, connect) => {
  const ends: [SecureVersion, string][] = [];
  for (const version of ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const) ends.push([version, await connect(await cloudWith(version))]);
  expect(ends).toEqual([
    ['TLSv1', 'tls'],
    ['TLSv1.1', 'tls'],
    ['TLSv1.2', 'up'],
    ['TLSv1.3', 'up'],
  ]);
});

test('flash sends the API key over no older version, whatever Node was told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tls-versions-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const batch = await makeBatch(folder, 1);
  const pki = await createPki();
  const { certificate, privateKey } = await pki.issueServer(['localhost']);
  await writeFile(join(folder, 'api-ca.pem'), pki.caCertificate);
  await writeFile(join(folder, 'api.key'), 'a-key-of-the-api');
  const provisioned = async (version: SecureVersion) => {
    const server = createServer(
      { cert: certificate, key: privateKey, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' },
      (_request, response) => response.end('{}'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const args = ['--manifest', batch.manifest, '--config', batch.config, '--output', `${batch.output}-${version}`];
    const env = { ...process.env, NODE_OPTIONS: LAX, NODE_EXTRA_CA_CERTS: join(folder, 'api-ca.pem') };
    const code = await new Promise<number>((done) => {
      execFile(process.execPath, [FLASH, ...args, '--provision', url, '--api-key-file', join(folder, 'api.key')], { env }, (error) =>
        done(error === null ? 0 : Number(error.code)),
      );
    });
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    return code;
  };
  expect([await provisioned('TLSv1.1'), await provisioned('TLSv1.2')]).toEqual([1, 0]);
});
