import * as tls from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { createPki } from '../pki/pki.ts';
import { type Harness, startHarness } from './harness.ts';
import { openRawClient } from './raw-client.ts';

let harness: Harness;
afterEach(() => harness.stop());

test('a client id that is no Thing, or not that of the certificate, is refused', async () => {
  harness = await startHarness(['hub-1', 'hub-2']);
  const impostor = await harness.open('hub-1');
  expect(await impostor.connect({ clientId: 'hub-2' })).toMatchObject({ reasonCode: 0x87 });
  await impostor.closed;
  const unknown = await harness.open('hub-1');
  expect(await unknown.connect({ clientId: 'hub-3' })).toMatchObject({ reasonCode: 0x87 });
  const old = await harness.open('hub-1', { protocolVersion: 4 });
  await expect(old.connect({ clientId: 'hub-2' })).rejects.toThrow(/closed/);
  expect(harness.events.filter(({ kind }) => kind === 'refused')).toHaveLength(3);
});

test('a Thing without a certificate of its own takes any the CA signed', async () => {
  harness = await startHarness(['hub-1']);
  harness.core.registerThing({ thingName: 'hub-9', certificate: null });
  await harness.connect('hub-1', { packet: { clientId: 'hub-9' } });
  expect(harness.core.connections()).toEqual(['hub-9']);
});

test('a Thing with two certificates takes both; a revoked one ends its connection, with its will, and does not come back', async () => {
  harness = await startHarness(['hub-1', 'hub-2']);
  const { core, pki } = harness;
  const first = harness.credentialsOf('hub-1').certificate;
  const second = await pki.issueClient('hub-1');
  expect(await (await harness.open('hub-1', { credentials: second })).connect({ clientId: 'hub-1' })).toMatchObject({ reasonCode: 0x87 });
  core.attachCertificate({ thingName: 'hub-1', certificate: second.certificate });
  const will = { topic: 'hubs/hub-1/presence', payload: 'gone', qos: 1, retain: false } as const;
  const old = await harness.connect('hub-1', { packet: { will } });
  const other = await harness.connect('hub-2');
  core.revokeCertificate(first);
  expect(await old.next('disconnect')).toMatchObject({ reasonCode: 0x98 });
  await old.closed;
  await harness.message(({ topic, payload }) => topic === will.topic && payload.toString() === 'gone');
  expect(await (await harness.open('hub-1')).connect({ clientId: 'hub-1' })).toMatchObject({ reasonCode: 0x87 });
  await harness.connect('hub-1', { credentials: second });
  expect(core.connections().sort()).toEqual(['hub-1', 'hub-2']);
  // It is good for no Thing, not even for one that takes any.
  core.registerThing({ thingName: 'hub-9', certificate: null });
  expect(await (await harness.open('hub-1')).connect({ clientId: 'hub-9' })).toMatchObject({ reasonCode: 0x87 });
  expect(() => core.attachCertificate({ thingName: 'nobody', certificate: first })).toThrow('nobody');
  other.destroy();
});

test('an empty client id is refused, unless the broker is to assign one', async () => {
  harness = await startHarness(['hub-1']);
  const refused = await harness.open('hub-1');
  expect(await refused.connect({ clientId: '' })).toMatchObject({ reasonCode: 0x85 });
  await harness.stop();
  harness = await startHarness(['hub-1'], { assignClientIds: true });
  const assigned = await harness.open('hub-1');
  expect((await assigned.connect({ clientId: '' })).properties?.assignedClientIdentifier).toMatch(/^\$GEN\//);
});

test('a certificate of another root, an expired one and none do not get through TLS', async () => {
  harness = await startHarness(['hub-1']);
  const { host, port } = harness.core;
  const stranger = await (await createPki()).issueClient('hub-1');
  const yesterday = new Date(Date.now() - 86_400_000);
  const expired = await harness.pki.issueClient('hub-1', { notBefore: new Date(0), notAfter: yesterday });
  for (const credentials of [stranger, expired, { certificate: '', privateKey: '' }]) {
    const options = { host, port, caCertificate: harness.pki.caCertificate, credentials };
    const attempt = openRawClient(options).then((client) => client.connect({ clientId: 'hub-1' }));
    await expect(attempt).rejects.toThrow();
  }
  await harness.event(({ kind, reason }) => kind === 'refused' && reason.startsWith('TLS'));
  expect(harness.core.connections()).toEqual([]);
});

test('the plain port serves clients without ALPN and refuses only foreign names', async () => {
  harness = await startHarness(['hub-1']);
  await harness.connect('hub-1', { alpn: null });
  await expect(harness.open('hub-1', { alpn: 'http/1.1' })).rejects.toThrow();
});

test('the second port serves only clients that offer the ALPN name', async () => {
  harness = await startHarness(['hub-1'], { alpnPort: 0 });
  const port = harness.core.alpnPort;
  expect(port).not.toBe(harness.core.port);
  const client = await harness.open('hub-1', { port });
  expect(await client.connect({ clientId: 'hub-1' })).toMatchObject({ reasonCode: 0 });
  const { certificate: cert, privateKey: key } = harness.credentialsOf('hub-1');
  const socket = tls.connect({ host: harness.core.host, port, ca: harness.pki.caCertificate, cert, key });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  await closed;
  await harness.event(({ kind, reason }) => kind === 'refused' && reason.includes('ALPN'));
});

test('anything but a CONNECT as the first packet, and a second CONNECT, end the connection', async () => {
  harness = await startHarness(['hub-1']);
  const rude = await harness.open('hub-1');
  rude.send({ cmd: 'pingreq' });
  await rude.closed;
  const twice = await harness.connect('hub-1');
  twice.send({ cmd: 'connect', clientId: 'hub-1', protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 30 });
  expect(await twice.next('disconnect')).toMatchObject({ reasonCode: 0x82 });
});

test('a will outside the policy, with QoS 2 or on no topic name refuses the CONNECT', async () => {
  harness = await startHarness(['hub-1']);
  const attempt = async (topic: string, qos: 0 | 1 | 2) => {
    const client = await harness.open('hub-1');
    const connack = await client.connect({ clientId: 'hub-1', will: { topic, payload: '', qos, retain: false } });
    return connack.reasonCode;
  };
  expect(await attempt('hubs/hub-2/presence', 1)).toBe(0x87);
  expect(await attempt('hubs/hub-1/presence', 2)).toBe(0x9b);
  expect(await attempt('hubs/hub-1/#', 1)).toBe(0x90);
  expect(await attempt('hubs/hub-1/presence', 1)).toBe(0);
});
