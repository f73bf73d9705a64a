import { afterAll, beforeAll, expect, test } from 'vitest';
import { version } from '../../agent/system/version.ts';
import { demoPeripherals } from '../twins/osdp-line/index.ts';
import { createRig, ORGANISATION, type Rig } from './rig/rig.ts';
import { type OnlineRig, runsOf, startOnline, untilOnline, untilScanned } from './rig/start.ts';

/** More in a row than a busy machine spoils. */
const MAX_REFRESHES = 20;

let world: OnlineRig;
let rig: Rig;

beforeAll(async () => {
  world = await startOnline({ peripherals: demoPeripherals(), addresses: [1, 5, 17, 42, 77, 120], config: { wifi: { backend: 'auto' } } });
  rig = world.rig;
  await untilScanned(rig, 6);
});

afterAll(() => world[Symbol.asyncDispose]());

const orNull = (expected: readonly string[]) => expect.toSatisfy((value: unknown) => value === null || `${value}` === `${expected}`);

/** The pages of one answer, as they came on its topic. */
const pagesOf = (id: unknown) => rig.results.filter((page) => page.id === id);

test('get_nodes finds the six peripherals over the wire, and answers in the shadow and on its topic', async () => {
  let answer = await rig.run('get_nodes', { refresh: true });
  // A reply has to come within milliseconds, and a busy machine may hold one back: it is asked for again.
  for (let again = 1; again <= MAX_REFRESHES && (answer.result as { available: number }).available < 6; again += 1)
    answer = await rig.run('get_nodes', { refresh: true, again });
  expect(answer).toMatchObject({ command: 'get_nodes', status: 'SUCCEEDED', result: { total: 6, available: 6, scanComplete: true } });
  expect(answer.resultTopic).toBe(`hubs/${rig.hubId}/commands/${answer.id}/result`);
  expect(pagesOf(answer.id)).toMatchObject([{ command: 'get_nodes', status: 'SUCCEEDED', page: 1, pages: 1 }]);
  const { nodes, buses } = pagesOf(answer.id)[0]!.result as Record<string, Record<string, unknown>[]>;
  expect(buses).toEqual([{ id: 'rs485', protocol: 'osdp', state: 'up' }]);
  expect(nodes!.map(({ nodeId }) => nodeId)).toEqual([1, 5, 17, 42, 77, 120].map((address) => `rs485/${address}`));
  expect(nodes!.map(({ tamper }) => tamper)).toEqual([false, false, true, null, false, false]);
  expect(nodes!.map(({ security }) => security)).toEqual(['none', 'none', 'none', 'required', 'none', 'none']);
  expect(nodes![1]).toEqual({
    nodeId: 'rs485/5',
    bus: 'rs485',
    protocol: 'osdp',
    address: '5',
    available: true,
    lastSeen: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    firstSeen: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    vendor: '5eca00',
    model: '1',
    serialNumber: String(0xdead_beef),
    firmwareVersion: '2.7.19',
    capabilities: expect.arrayContaining(['card_data_format', 'reader_led_control']),
    security: 'none',
    securityReason: null,
    replaced: null,
    tamper: false,
    powerFault: false,
    problem: null,
    linkQuality: expect.toSatisfy((value: unknown) => value === null || (typeof value === 'number' && value > 0)),
    hardwareVersion: '2',
    osdpVersion: 'sia_2.2',
    capabilityLevels: expect.arrayContaining([1, 2]),
    capabilityCounts: expect.arrayContaining([2, 1, 0]),
    // Whether they were asked for already is a matter of time.
    inputs: orNull(['inactive', 'inactive']),
    outputs: orNull(['inactive']),
    lastCardAt: null,
  });
  // In the shadow a null deletes its key: there, a missing field means unknown.
  const shadowNodes = (answer.result as { nodes: Record<string, unknown>[] }).nodes;
  expect(shadowNodes.map(({ nodeId }) => nodeId)).toEqual(nodes!.map(({ nodeId }) => nodeId));
  expect(shadowNodes[3]).not.toHaveProperty('tamper');
});

test('get_nodes of one bus answers from the live table', async () => {
  expect(await rig.run('get_nodes', { bus: 'rs485' })).toMatchObject({ status: 'SUCCEEDED', result: { total: 6 } });
});

test('server_info tells of hub, host and agent', async () => {
  const answer = await rig.run('server_info', {});
  expect(answer.status).toBe('SUCCEEDED');
  const result = pagesOf(answer.id)[0]!.result as Record<string, unknown>;
  const text = expect.stringMatching(/./);
  const positive = expect.toSatisfy((value: unknown) => typeof value === 'number' && value > 0);
  const count = expect.toSatisfy((value: unknown) => typeof value === 'number' && value >= 0);
  expect(result).toMatchObject({
    schemaVersion: 1,
    hub: { hubId: rig.hubId, serial: `SN-${rig.hubId.slice(0, 8)}`, model: 'HUB-1', vendorName: 'Example Locks', thingName: rig.hubId },
    agent: { version, nodeVersion: process.versions.node, uptimeSeconds: count, rssBytes: positive },
    host: { hostname: text, osName: text, kernel: text, arch: process.arch, bootId: text, uptimeSeconds: positive },
    memory: { totalBytes: positive, availableBytes: positive },
    disk: { totalBytes: positive, availableBytes: positive },
    load: { oneMinute: count, fiveMinutes: count, fifteenMinutes: count },
    cloud: { endpoint: '127.0.0.1', port: rig.iotCore.port, connected: true, sessionAgeSeconds: count, reconnectCount: 0, takeovers: 0 },
    buses: [{ id: 'rs485', protocol: 'osdp', state: 'up' }],
    claim: null,
    wifi: null,
    wifiCredentialsSet: null,
  });
  for (const field of ['temperatureCelsius', 'clockSynchronized', 'osVersion']) expect(result.host).toHaveProperty(field);
  expect(Array.isArray(result.interfaces)).toBe(true);
});

test('set_wifi_credentials without a Wi-Fi stack says so, and what to do', async () => {
  expect(await rig.run('set_wifi_credentials', { ssid: 'Home', credentials: 'a good passphrase' })).toMatchObject({
    status: 'FAILED',
    error: { code: 'wifi_unavailable', message: expect.stringContaining('NetworkManager') },
  });
});

test('an unknown command is rejected with the ones that the hub knows', async () => {
  const answer = await rig.run('open_all_doors', { now: true });
  expect(answer).toMatchObject({ command: 'open_all_doors', status: 'REJECTED', error: { code: 'unknown_command' } });
  // What is refused is answered together with its taking; the topic follows.
  await rig.until('the result page', () => pagesOf(answer.id).length > 0);
  expect(pagesOf(answer.id)).toMatchObject([{ status: 'REJECTED', error: { code: 'unknown_command' } }]);
});

test('bad args are rejected, each field named', async () => {
  const wifi = await rig.run('set_wifi_credentials', { ssid: 'x'.repeat(33), credentials: 'short', security: 'wep' });
  expect(wifi).toMatchObject({ status: 'REJECTED', error: { code: 'invalid_args' } });
  expect((wifi.error as { details: { field: string }[] }).details.map(({ field }) => field)).toEqual(['ssid', 'credentials', 'security']);
  expect(await rig.run('get_nodes', { refresh: 'yes' })).toMatchObject({
    status: 'REJECTED',
    error: { code: 'invalid_args', details: [{ field: 'refresh', message: expect.any(String) }] },
  });
  expect(await rig.run('get_nodes', { bus: 'attic' })).toMatchObject({
    status: 'REJECTED',
    error: { code: 'invalid_args', details: [{ field: 'bus', message: expect.stringContaining('rs485') }] },
  });
});

test('args that nobody knows are ignored', async () => {
  expect(await rig.run('get_nodes', { colour: 'green', refresh: false })).toMatchObject({ status: 'SUCCEEDED' });
});

test('a claim arrives, and survives a restart without the shadow', async () => {
  await rig.claim();
  const claim = { orgId: ORGANISATION, siteId: 'site-1', claimedBy: 'user-1' };
  await rig.untilReported('the claim', (reported) => reported.claim);
  expect(rig.reported().claim).toMatchObject(claim);
  expect(await rig.run('server_info', { after: 'claim' })).toMatchObject({ result: { claim } });
  expect(await world.agent.stop()).toBe(0);
  const shadow = rig.iotCore.shadow(rig.hubId);
  const { session } = rig.reported();
  expect(shadow.update({ state: { desired: { claim: null }, reported: { claim: null } } }).ok).toBe(true);
  world.agent = rig.startAgent();
  await untilOnline(rig, String(session));
  expect(await rig.untilReported('the claim', (reported) => reported.claim)).toMatchObject(claim);
});

test('a claim for another site of the same owner, of which a delta shows only the site, replaces the one before', async () => {
  const claim = { orgId: 'org', siteId: 'first', claimedBy: 'user', claimedAt: 1_795_300_000_000 };
  const shadow = rig.iotCore.shadow(rig.hubId);
  for (const siteId of ['first', 'second']) {
    expect(shadow.update({ state: { desired: { claim: { ...claim, siteId } } } }).ok).toBe(true);
    await rig.untilReported(siteId, (reported) => (reported.claim as { siteId?: string } | undefined)?.siteId === siteId);
    expect(rig.reported().claim).toEqual({ ...claim, siteId });
  }
  expect(world.agent.lines.map(({ event }) => event)).not.toContain('claim_invalid');
});

test('with 16 waiting, one more is refused as busy; those before it are not', async () => {
  // Nobody at 127 addresses: the scan of a refresh outlasts the test.
  await using silent = await startOnline({ peripherals: [], baudRate: 9600 });
  const { rig: hub, agent } = silent;
  const answered: string[] = [];
  const take = async (args: Record<string, unknown>) => {
    const { id } = (hub.reported().lastCommand ?? {}) as { id?: string };
    await hub.send('get_nodes', args);
    return hub.untilReported('the command taken', ({ lastCommand }) => {
      const last = lastCommand as { id: string; status: string } | undefined;
      return last && last.id !== id && hub.desired().command === undefined && last;
    });
  };
  const running = await take({ refresh: true });
  await agent.waitFor('command_started');
  for (let waiting = 1; waiting <= 16; waiting += 1) answered.push((await take({ waiting })).status);
  expect(answered).toEqual(Array(16).fill('IN_PROGRESS'));
  expect(await take({ waiting: 17 })).toMatchObject({ status: 'REJECTED', error: { code: 'busy' } });
  expect(runsOf(running.id, agent)).toBe(1);
  // Another resource is free all the same.
  expect(await hub.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
});

test('a hub that is off: 502, and nothing is left in its shadow', async () => {
  await using off = await createRig();
  await off.provision();
  expect(await off.send('get_nodes')).toMatchObject({ status: 502, body: { success: false } });
  expect(await off.status()).toMatchObject({ status: 200, body: { online: false } });
  const agent = off.startAgent();
  await untilOnline(off);
  await agent.stop();
  expect(await off.send('get_nodes')).toMatchObject({ status: 502 });
  expect(off.desired()).toEqual({});
});
