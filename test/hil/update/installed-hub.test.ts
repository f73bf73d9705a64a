import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createObjectStore } from '../../twins/object-store/index.ts';
import type { ObjectStore } from '../../twins/object-store/types.ts';
import { FACTORY_SEQUENCE, type InstalledHub, startInstalledHub } from '../rig/installed-hub.ts';
import { createRig } from '../rig/rig.ts';

/** A trial of so many seconds has to last a tenth of it. */
const TRIAL_SECONDS = 60;

const ends = async (hub: InstalledHub) => (await hub.state()).history.map(({ what, reason }) => [what, reason].filter(Boolean).join(' '));
const update = (reported: Record<string, unknown>) =>
  reported.update as { sequence?: number; trial?: boolean; failed?: { reason: string } } | undefined;

test('A release from a file is tried by the real agent and committed; the next one, which ends at once, is left for it', async () => {
  await using rig = await createRig();
  const hub = startInstalledHub(rig, { trialSeconds: TRIAL_SECONDS });
  try {
    await rig.untilReported(
      'the release of the package',
      (reported) => reported.online === true && update(reported)?.sequence === FACTORY_SEQUENCE,
    );
    hub.apply(hub.release(20), 'local:1');
    await rig.untilReported('the trial', (reported) => update(reported)?.sequence === 20 && update(reported)?.trial === true);
    await rig.untilReported('the commit', (reported) => update(reported)?.sequence === 20 && update(reported)?.trial === false);
    expect(await ends(hub)).toEqual(['trial', 'committed']);

    hub.apply(hub.release(30, 'process.exit(1);'), 'local:2');
    await rig.untilReported('the way back', (reported) => update(reported)?.failed?.reason === 'starts_used_up');
    expect(update(rig.reported())).toMatchObject({ sequence: 20, trial: false, failed: { sequence: 30, what: 'rolled_back' } });
    expect(await ends(hub)).toEqual(['trial', 'committed', 'trial', 'rolled_back starts_used_up']);
    await rig.claim();
    const info = await rig.run('server_info');
    expect(info).toMatchObject({ status: 'SUCCEEDED', result: { release: { sequence: 20, trial: false } } });
  } finally {
    await hub.stop();
  }
});

test('An update by a job of AWS IoT: fetched, tried, committed, then answered; a bad one is answered with its reason', async () => {
  let store: ObjectStore | null = null;
  await using rig = await createRig({
    iotCore: { presign: (request) => store!.presign(request) },
    config: { update: { jobs: true, spreadSeconds: 0, maxKilobytesPerSecond: 0 } },
  });
  store = createObjectStore({ tls: await rig.pki.issueServer(['127.0.0.1']), nowMs: () => Date.now() });
  await store.start();
  const hub = startInstalledHub(rig, { trialSeconds: TRIAL_SECONDS });
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  function send(jobId: string, { files, text, signature }: ReturnType<InstalledHub['release']>) {
    const parts: Record<string, string> = {};
    for (const part of Object.values(files)) {
      store!.put('releases', `${sha256(part)}.zst`, zstdCompressSync(part));
      parts[sha256(part)] = `\${aws:iot:s3-presigned-url-v2:https://s3.eu-central-1.amazonaws.com/releases/${sha256(part)}.zst}`;
    }
    rig.iotCore.jobs.create({
      jobId,
      thingName: rig.hubId,
      document: { operation: 'update_agent', manifest: text, signature, parts },
    });
  }
  const outcome = async (jobId: string) => {
    await expect.poll(() => rig.iotCore.jobs.execution(jobId)?.status, { interval: 100 }).toMatch(/SUCCEEDED|FAILED|REJECTED/);
    const { status, statusDetails } = rig.iotCore.jobs.execution(jobId)!;
    return `${status} ${statusDetails.reason}`;
  };
  try {
    await rig.untilReported('online', ({ online }) => online === true);
    send('j1', hub.release(20));
    expect(await outcome('j1')).toBe('SUCCEEDED committed');
    expect(update(rig.reported())).toMatchObject({ sequence: 20 });
    // The part that both releases have is not fetched again.
    expect(store.requests.length).toBe(1);
    send('j2', hub.release(30, 'process.exit(1);'));
    expect(await outcome('j2')).toBe('FAILED starts_used_up');
    send('j3', { ...hub.release(40), signature: hub.release(41).signature });
    expect(await outcome('j3')).toBe('REJECTED bad_signature');
    expect(await ends(hub)).toEqual(['trial', 'committed', 'trial', 'rolled_back starts_used_up']);
  } finally {
    await hub.stop();
    await store.stop();
  }
});
