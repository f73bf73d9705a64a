import { expect, test } from 'vitest';
import { FACTORY_SEQUENCE, type InstalledHub, startInstalledHub } from '../rig/installed-hub.ts';
import { createRig } from '../rig/rig.ts';
import { createUpdateWorld } from '../rig/update-world.ts';

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
  const world = await createUpdateWorld({ trialSeconds: TRIAL_SECONDS });
  const { rig, hub, store } = world;
  try {
    world.send('j1', hub.release(20));
    expect(await world.ended('j1')).toEqual({ status: 'SUCCEEDED', reason: 'committed' });
    expect(update(rig.reported())).toMatchObject({ sequence: 20 });
    // The part that both releases have is not fetched again.
    expect(store.requests.length).toBe(1);
    world.send('j2', hub.release(30, 'process.exit(1);'));
    expect(await world.ended('j2')).toEqual({ status: 'FAILED', reason: 'starts_used_up' });
    world.send('j3', { ...hub.release(40), signature: hub.release(41).signature });
    expect(await world.ended('j3')).toEqual({ status: 'REJECTED', reason: 'bad_signature' });
    expect(await ends(hub)).toEqual(['trial', 'committed', 'trial', 'rolled_back starts_used_up']);
  } finally {
    await world.stop();
  }
});
