import { describe, expect, test } from 'vitest';
import type { IotCore } from '../../twins/iot-core/types.ts';
import { createRig } from '../rig/rig.ts';
import { examine } from './examine.ts';

describe.concurrent('the doctor finds', () => {
  test('nothing wrong on the way of a hub that is right, and changes nothing there', async () => {
    await using rig = await createRig();
    const before = JSON.stringify(rig.iotCore.shadow(rig.hubId).get());
    const checks = ['config', 'certificate', 'dns', 'port', 'tls', 'mqtt', 'topics'];
    expect(await examine(rig, checks.join(','))).toMatchObject(checks.map((check) => ({ check, status: 'ok' })));
    expect(JSON.stringify(rig.iotCore.shadow(rig.hubId).get())).toBe(before);
    expect(rig.iotCore.retained(`hubs/${rig.hubId}/presence`)).toBeNull();
  });

  test('the topics of jobs, without beginning the job that waits', async () => {
    await using rig = await createRig({ config: { update: { jobs: true } } });
    rig.iotCore.jobs.create({ jobId: 'j1', thingName: rig.hubId, document: { operation: 'dance' } });
    expect(await examine(rig, 'topics')).toMatchObject([{ status: 'ok' }]);
    expect(rig.iotCore.jobs.execution('j1')?.status).toBe('QUEUED');
  });

  test('a topic of jobs that the policy refuses', async () => {
    await using rig = await createRig({ config: { update: { jobs: true } } });
    rig.iotCore.faults.denyPublish(`$aws/things/${rig.hubId}/jobs/start-next`);
    expect((await examine(rig, 'topics'))[0]).toMatchObject({
      status: 'fail',
      finding: expect.stringMatching(/jobs\/start-next is refused/),
    });
  });

  test('the way over the second port, again after each refusal', async () => {
    const config = (iotCore: IotCore) => ({ cloud: { port: 1, fallbackPort: iotCore.port } });
    await using rig = await createRig({ config });
    rig.iotCore.faults.denySubscribe(`$aws/things/${rig.hubId}/shadow/update/delta`);
    const results = await examine(rig, 'port,mqtt,topics');
    expect(results).toMatchObject([
      { check: 'port', status: 'warn', finding: expect.stringContaining(`port ${rig.iotCore.port} is open, the agent uses it`) },
      { check: 'mqtt', status: 'ok' },
      { check: 'topics', status: 'fail', finding: expect.stringMatching(/update\/delta is refused/) },
    ]);
  });

  test('a way that ends after a refusal, and names what was not tried', async () => {
    await using rig = await createRig();
    rig.iotCore.faults.denySubscribe(`$aws/things/${rig.hubId}/shadow/get/`);
    rig.iotCore.onEvent(({ kind }) => kind === 'disconnected' && rig.iotCore.faults.refuseConnect(0x97));
    const results = await examine(rig, 'topics');
    expect(results).toMatchObject([
      { status: 'fail', finding: expect.stringMatching(/shadow\/get\/\+ is refused/) },
      { status: 'skipped', finding: expect.stringMatching(/not tried after that: .*update\/accepted.*last will/) },
    ]);
  });

  test('no refusal in a link that falls once', async () => {
    await using rig = await createRig();
    let falls = 1;
    rig.iotCore.onMessage(`hubs/${rig.hubId}/presence`, () => {
      if (falls-- > 0) rig.iotCore.faults.drop(rig.hubId);
    });
    const results = await examine(rig, 'topics');
    expect(results.filter(({ status }) => status === 'fail')).toEqual([]);
  });

  test('a policy without a last will', async () => {
    await using rig = await createRig();
    rig.iotCore.onEvent(({ kind }) => kind === 'disconnected' && rig.iotCore.faults.refuseConnect(0x87));
    expect(await examine(rig, 'topics')).toMatchObject([
      { status: 'fail', finding: expect.stringMatching(/LastWill\) on hubs\/.*\/presence is refused/) },
    ]);
  });

  test('no fault in a policy that allows all, and takes its own will back', async () => {
    await using rig = await createRig();
    const wills: string[] = [];
    rig.iotCore.onMessage(`hubs/${rig.hubId}/presence`, ({ payload }) => wills.push(String(payload)));
    expect(await examine(rig, 'topics')).toMatchObject([
      { status: 'ok', finding: expect.stringContaining('not tried: iot:RetainPublish') },
    ]);
    // The one that was published to see whether it may be.
    expect(wills).toHaveLength(1);
  });
});
