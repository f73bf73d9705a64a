import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BoundProofOptions, proveFromAddress } from '../../agent/cloud/connection/bound-proof.ts';
import { createIotCore } from '../twins/iot-core/index.ts';
import type { IotCore } from '../twins/iot-core/types.ts';
import { createPki } from '../twins/pki/pki.ts';

let folder: string;
let iotCore: IotCore;
let options: BoundProofOptions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-proof-'));
  const pki = await createPki();
  iotCore = createIotCore({ pki, limits: { connectsPerSecondPerClient: 100 } });
  await iotCore.start();
  const { certificate, privateKey } = await pki.issueClient('hub');
  iotCore.registerThing({ thingName: 'hub', certificate });
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  options = {
    target: { host: iotCore.host, port: iotCore.port },
    clientId: 'hub',
    certificatePath: await file('certificate.pem', certificate),
    privateKeyPath: await file('private.key', privateKey),
    caPath: await file('ca.pem', pki.caCertificate),
    localAddress: '127.0.0.2',
    publish: { topic: 'hubs/hub/presence', payload: '{"state":"online"}', retain: true },
    will: { topic: 'hubs/hub/presence', payload: '{"state":"offline"}' },
  };
});

afterAll(async () => {
  await iotCore.stop();
  await rm(folder, { recursive: true, force: true });
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
