import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StatusReport } from '../../agent/control/api.ts';
import { hasDbusDaemon } from '../twins/network-manager/index.ts';
import { runHubctl } from './rig/hubctl.ts';
import type { Rig } from './rig/rig.ts';
import { startOnline, untilOnline } from './rig/start.ts';
import { startRigWifi, WITH_WIFI } from './rig/wifi.ts';

const PASSWORD = 'correct horse battery';
const AIR = [{ ssid: 'büro', security: 'wpa-psk' as const, password: PASSWORD }];
/** What manufacturing gave the hub. */
const MANUFACTURED = ['identity.json', 'agent.json', 'certificate.pem', 'private.key', 'ca.pem'];

const manufactured = (rig: Rig) => Promise.all(MANUFACTURED.map((name) => readFile(join(rig.folder, 'etc', name), 'utf8')));
const journalOf = (rig: Rig) => readdir(join(rig.folder, 'state', 'commands')).catch(() => []);
const stateOf = (rig: Rig) => readdir(join(rig.folder, 'state'));
const statusOf = async (rig: Rig) => (await runHubctl(rig, 'status --json')).terminal.json() as StatusReport;

/** Claimed, with a command answered. */
async function use(rig: Rig): Promise<void> {
  await rig.claim();
  await rig.untilReported('the claim', ({ claim }) => claim !== undefined);
  await rig.run('get_nodes');
}

/** Everything that a forgetful agent shows: nothing of the claim although the shadow still has it, and its journal empty. */
async function expectForgotten(rig: Rig): Promise<void> {
  const { claim } = rig.desired();
  expect(claim).toBeDefined();
  await rig.untilReported('no claim', (reported) => reported.claim === undefined);
  // An answered command is a round of views and reports: the claim in them was seen, and not taken.
  await rig.run('server_info');
  await rig.run('get_nodes', { refresh: false });
  expect(rig.reported().claim).toBeUndefined();
  expect((await statusOf(rig)).claim).toBeNull();
  expect(await stateOf(rig)).not.toContain('claim.json');
  const { orgId } = claim as { orgId: string };
  const kept = (await stateOf(rig)).filter((name) => name.endsWith('.json'));
  for (const name of kept) expect(await readFile(join(rig.folder, 'state', name), 'utf8')).not.toContain(orgId);
}

/** The cloud claims the hub anew: for somebody else, at another time. */
async function claimAnew(rig: Rig): Promise<Record<string, unknown>> {
  const claim = { orgId: 'org-2', siteId: 'site-2', claimedBy: 'user-2', claimedAt: Date.now() };
  rig.iotCore.shadow(rig.hubId).update({ state: { desired: { claim } } });
  await rig.untilReported('the new claim', (reported) => (reported.claim as { orgId?: string } | undefined)?.orgId === 'org-2');
  return claim;
}

describe.concurrent('hubctl reset --factory', () => {
  test('forgets claim and journal, never the identity; the forgotten claim stays forgotten, the next one is taken and kept', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    await use(rig);
    const before = await manufactured(rig);
    const session = String(rig.reported().session);
    expect(await journalOf(rig)).not.toEqual([]);
    expect((await runHubctl(rig, 'reset --factory --yes')).code).toBe(0);
    expect(await agent.exited).toBe(0);
    expect(rig.reported().online).toBe(false);
    const state = await stateOf(rig);
    for (const gone of ['claim.json', 'command-id.key', 'nodes.json']) expect(state).not.toContain(gone);
    expect(await journalOf(rig)).toEqual([]);
    expect(await manufactured(rig)).toEqual(before);

    const second = rig.startAgent();
    const secondSession = await untilOnline(rig, session);
    const { terminal } = await runHubctl(rig, 'commands --json');
    expect(terminal.json()).toMatchObject({ commands: [] });
    expect(rig.reported().hubId).toBe(rig.hubId);
    await expectForgotten(rig);
    expect(second.lines.map(({ event }) => event)).not.toContain('claimed');

    expect(await second.stop()).toBe(0);
    const third = rig.startAgent();
    const thirdSession = await untilOnline(rig, secondSession);
    await expectForgotten(rig);

    const claim = await claimAnew(rig);
    expect(await third.stop()).toBe(0);
    rig.startAgent();
    await untilOnline(rig, thirdSession);
    expect(rig.reported().claim).toEqual(claim);
    expect((await statusOf(rig)).claim).toEqual(claim);
    expect((await stateOf(rig)).filter((name) => name.startsWith('forgotten-'))).toEqual([]);
  });

  test('a hub that loses its power right after the answer is reset all the same', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    await use(rig);
    const session = String(rig.reported().session);
    expect((await runHubctl(rig, 'reset --factory --yes')).code).toBe(0);
    await agent.kill();
    rig.startAgent();
    await untilOnline(rig, session);
    await expectForgotten(rig);
    expect((await stateOf(rig)).filter((name) => name.startsWith('reset-asked-'))).toEqual([]);
  });

  test('a hub whose agent does not run is reset as well', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    await use(rig);
    const session = String(rig.reported().session);
    await agent.stop();
    const { code, terminal } = await runHubctl(rig, 'reset --factory --yes --json');
    expect(code).toBe(0);
    expect(terminal.json()).toMatchObject({ kind: 'factory', by: 'hubctl' });
    expect(await stateOf(rig)).not.toContain('claim.json');
    rig.startAgent();
    await untilOnline(rig, session);
    await expectForgotten(rig);
    await claimAnew(rig);
  });
});

describe.skipIf(!hasDbusDaemon())('hubctl reset --factory with NetworkManager on a message bus', () => {
  const ids = (wifi: { hub: { profiles(): { settings: { id: string } }[] } }) => wifi.hub.profiles().map((each) => each.settings.id);

  test('forgets the networks that the agent was given after goodbye; those of the factory bring it back online', async () => {
    await using wifi = await startRigWifi({ air: AIR, speed: 50 });
    await using world = await startOnline({ config: WITH_WIFI, env: wifi.env });
    const { rig, agent } = world;
    await use(rig);
    expect(await rig.run('set_wifi_credentials', { ssid: 'büro', credentials: PASSWORD })).toMatchObject({ status: 'SUCCEEDED' });
    expect(ids(wifi)).toEqual(['factory home', 'hub-agent büro']);
    const session = String(rig.reported().session);
    expect((await runHubctl(rig, 'reset --factory --yes')).code).toBe(0);
    expect(await agent.exited).toBe(0);
    const events = agent.lines.map(({ event }) => event);
    expect(events).toContain('cloud_goodbye');
    expect(events.indexOf('cloud_goodbye')).toBeLessThan(events.indexOf('wifi_profiles_forgotten'));
    expect(ids(wifi)).toEqual(['factory home']);
    await wifi.untilNetwork('home');
    expect(await stateOf(rig)).not.toContain('forget-wifi');
    rig.startAgent({ env: wifi.env });
    await untilOnline(rig, session);
    await expectForgotten(rig);
  });

  test('a hub whose agent does not run forgets them at its next start', async () => {
    await using wifi = await startRigWifi({ air: AIR, speed: 50 });
    await using world = await startOnline({ config: WITH_WIFI, env: wifi.env });
    const { rig, agent } = world;
    expect(await rig.run('set_wifi_credentials', { ssid: 'büro', credentials: PASSWORD })).toMatchObject({ status: 'SUCCEEDED' });
    const session = String(rig.reported().session);
    await agent.kill();
    expect((await runHubctl(rig, 'reset --factory --yes')).code).toBe(0);
    expect(ids(wifi)).toEqual(['factory home', 'hub-agent büro']);
    const next = rig.startAgent({ env: wifi.env });
    await next.waitFor('wifi_profiles_forgotten');
    expect(ids(wifi)).toEqual(['factory home']);
    await untilOnline(rig, session);
  });
});

test.runIf(!hasDbusDaemon())('forgetting Wi-Fi networks', ({ skip }) => skip('dbus-daemon is not installed here'));
