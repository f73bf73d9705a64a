import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BoundProofOptions, proveFromAddress } from '../../agent/cloud/connection/bound-proof.ts';
import { unguarded } from '../../agent/system/guard.ts';
import { Secret } from '../../agent/system/secret.ts';
import { createIotCore } from '../twins/iot-core/index.ts';
import type { IotCore } from '../twins/iot-core/types.ts';
import { createPki } from '../twins/pki/pki.ts';

let iotCore: IotCore;
let options: BoundProofOptions;

beforeAll(async () => {
  const pki = await createPki();
  iotCore = createIotCore({ pki, limits: { connectsPerSecondPerClient: 100 } });
  await iotCore.start();
  const { certificate, privateKey } = await pki.issueClient('hub');
  iotCore.registerThing({ thingName: 'hub', certificate });
  options = {
    target: { host: iotCore.host, port: iotCore.port },
    clientId: 'hub',
    tls: { certificate, privateKey: new Secret(privateKey), authorities: pki.caCertificate },
    guard: unguarded,
    localAddress: '127.0.0.2',
    publish: { topic: 'hubs/hub/presence', payload: '{"state":"online"}', retain: true },
    will: { topic: 'hubs/hub/presence', payload: '{"state":"offline"}' },
  };
});

afterAll(async () => {
  await iotCore.stop();
});

test('a session with an acknowledged publish is the proof', async () => {
  const seen: string[] = [];
  const forget = iotCore.onMessage('hubs/hub/presence', ({ payload }) => seen.push(payload.toString()));
  await proveFromAddress(options, new AbortController().signal);
  await expect.poll(() => seen.length).toBe(2);
  forget();
  // Its session speaks for nobody afterwards.
  expect(seen).toEqual(['{"state":"online"}', '{"state":"offline"}']);
  expect(iotCore.retained('hubs/hub/presence')?.toString()).toBe('{"state":"offline"}');
});

test('it comes from the address that is to be proven', async () => {
  // An address that is not this machine's cannot be bound.
  await expect(proveFromAddress({ ...options, localAddress: '192.0.2.1' }, new AbortController().signal)).rejects.toMatchObject({
    code: 'cloud_unreachable',
  });
});

test('a cloud that refuses the session, or is not there, is no proof', async () => {
  iotCore.faults.refuseConnect(0x97);
  await expect(proveFromAddress(options, new AbortController().signal)).rejects.toMatchObject({ code: 'cloud_unreachable' });
  iotCore.faults.clear();
  await expect(
    proveFromAddress({ ...options, target: { host: iotCore.host, port: 1 } }, new AbortController().signal),
  ).rejects.toMatchObject({ code: 'cloud_unreachable' });
});

test('it ends when it is told to', async () => {
  await expect(proveFromAddress(options, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
});
