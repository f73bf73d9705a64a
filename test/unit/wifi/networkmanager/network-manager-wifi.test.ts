import { expect, test } from 'vitest';
import { HubError } from '../../../../agent/system/errors.ts';
import { POLKIT_ACTION } from '../../../../agent/wifi/networkmanager/network-manager.ts';
import type { FakeAccessPoint } from '../../../twins/network-manager/air.ts';
import { createFakeAgent } from '../fake-agent.ts';
import { credentials, expectTidy, MINUTES, office, onHome } from '../on-home.ts';

test('moves to a WPA2 network, keeps the old one known with a lower priority', async () => {
  const run = await onHome([{ ssid: 'office', security: 'wpa-psk', password: 'office password', strengthPercent: 62 }]);
  const result = await run.change(credentials('office', 'office password'));
  expect(result).toMatchObject({ ssid: 'office', previousSsid: 'home', ipv4: '192.168.7.20', signalDbm: -69 });
  expect(result.durationMs).toBeLessThan(15_000);
  expect(run.hub.network()).toBe('office');
  expect(run.hub.profiles().map((each) => [each.settings.id, each.settings.autoconnectPriority, each.place, each.durable])).toEqual([
    ['factory home', 0, 'disk', true],
    ['hub-agent office', 10, 'disk', true],
  ]);
  expectTidy(run);
  run.hub.switchAccessPoint('office', false);
  await run.clock.advance(MINUTES);
  expect(run.hub.network()).toBe('home');
});

test('touches nothing before everything is surveyed, and nothing of others at all', async () => {
  const run = await onHome([{ ssid: 'office', security: 'wpa-psk', password: 'office password' }]);
  await run.change(credentials('office', 'office password'));
  const acts = run.agent.life.steps.filter((name) =>
    /^(write|remove|AddMatch|Checkpoint(Create|Destroy|Rollback)|AddConnection2|ActivateConnection|prove|Update2|sync|Delete)$/.test(name),
  );
  expect(acts).toEqual([
    'write', 'AddMatch', 'CheckpointCreate', 'AddConnection2', 'ActivateConnection', 'prove', 'Update2', 'sync', 'CheckpointDestroy', 'remove',
  ]); // biome-ignore format: one line reads as the sequence it is
});

test('its own network with a new password: the new profile wins after a power cut, the factory one stays', async () => {
  const run = await onHome([]);
  run.hub.air[0]!.password = 'new home password';
  await run.change(credentials('home', 'new home password'));
  run.hub.powerCut();
  await run.clock.advance(MINUTES);
  expect(run.hub.network()).toBe('home');
  expect(run.hub.active()?.settings.id).toBe('hub-agent home');
  expect(run.hub.profiles().map((each) => each.settings.id)).toEqual(['factory home', 'hub-agent home']);
});

test('a network set again supersedes the older profile of ours, and only that', async () => {
  const run = await onHome([office, { ssid: 'cafe', security: 'open' }]);
  await run.change(credentials('office', 'office password'));
  await run.change(credentials('cafe', null));
  await run.change(credentials('office', 'office password'));
  expect(run.hub.profiles().map((each) => [each.settings.id, each.settings.autoconnectPriority])).toEqual([
    ['factory home', 0],
    ['hub-agent cafe', 11],
    ['hub-agent office', 12],
  ]);
  expectTidy(run);
});

test('profiles of ours are bounded; the network before is never among the deleted', async () => {
  const places = Array.from({ length: 12 }, (_, index): FakeAccessPoint => ({ ssid: `place ${index}`, security: 'open' }));
  const run = await onHome(places);
  for (const place of places) await run.change(credentials(place.ssid, null));
  const own = run.hub.profiles().filter((each) => each.settings.id.startsWith('hub-agent '));
  expect(own.map((each) => each.settings.ssid.toString())).toEqual(places.slice(-8).map((place) => place.ssid));
});

test('Ethernet as the uplink: the proof is bound to the Wi-Fi address and routed over it, afterwards the route is gone', async () => {
  const run = await onHome([office, { ssid: 'island', security: 'open', cloud: false }]);
  run.hub.world.ethernet = true;
  await run.change(credentials('office', 'office password'));
  expect(run.agent.proofs).toEqual(['192.168.7.20']);
  expect(run.hub.reachesCloud('192.168.7.20')).toBe(false);
  await expect(run.change(credentials('island', null))).rejects.toMatchObject({ code: 'wifi_cloud_unreachable' });
  await run.clock.advance(10_000);
  expect(run.hub.network()).toBe('office');
  expectTidy(run);
});

test.each([
  ['no Wi-Fi device', { hasDevice: false }, /no Wi-Fi device.*adapter/],
  ['rfkill', { softwareEnabled: false }, /rfkill unblock/],
  ['switched off in hardware', { hardwareEnabled: false }, /hardware/],
  [
    'no polkit rule',
    { missing: [POLKIT_ACTION.checkpoint, POLKIT_ACTION.profiles] },
    /checkpoint-rollback.*settings\.modify\.system.*50-hub-agent\.rules/,
  ],
] as const)('answers wifi_unavailable with the remedy: %s', async (_name, world, message) => {
  const run = await onHome([office]);
  Object.assign(run.hub.world, world);
  const error = await run.change(credentials('office', 'office password')).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'wifi_unavailable', message: expect.stringMatching(message) });
  expect(run.agent.life.steps).not.toContain('CheckpointCreate');
});

test('without the right to scan it works with the list that is there', async () => {
  const run = await onHome([office]);
  run.hub.world.missing = [POLKIT_ACTION.scan];
  await expect(run.change(credentials('office', 'office password'))).resolves.toMatchObject({ ssid: 'office' });
  await expect(run.change(credentials('nowhere', 'some password'))).rejects.toMatchObject({ code: 'wifi_network_not_found' });
});

test('an unmanaged or unready device is named', async () => {
  const run = await onHome([office]);
  run.hub.device.state = 10;
  await expect(run.change(credentials('office', 'office password'))).rejects.toThrow(/does not manage wlan0/);
  run.hub.device.state = 20;
  await expect(run.change(credentials('office', 'office password'))).rejects.toThrow(/not ready/);
});

test('sync that fails: the new network is not kept', async () => {
  const fail = () => {
    throw new HubError('wifi_rolled_back', 'sync failed');
  };
  const run = await onHome([office], { sync: fail });
  await expect(run.change(credentials('office', 'office password'))).rejects.toMatchObject({ code: 'wifi_rolled_back' });
  expect(run.hub.network()).toBe('home');
  expectTidy(run);
});

test('one change at a time', async () => {
  const run = await onHome([office]);
  const first = run.agent.wifi.change(credentials('office', 'office password'), new AbortController().signal);
  await expect(run.change(credentials('home', 'home password'))).rejects.toMatchObject({ code: 'busy' });
  await run.clock.settle(first, MINUTES);
});

test('stopping the agent goes back to the old network first', async () => {
  const run = await onHome([{ ...office, cloud: false }]);
  const change = run.agent.wifi
    .change(credentials('office', 'office password'), new AbortController().signal)
    .catch((error: unknown) => error);
  await run.clock.advance(8000);
  expect(run.hub.network()).toBe('office');
  await run.clock.settle(run.agent.wifi.stop(), 9000);
  expect(await change).toMatchObject({ code: 'aborted' });
  await run.clock.advance(10_000);
  expect(run.hub.network()).toBe('home');
  expectTidy(run);
});

test("the caller's reason to abort is the answer", async () => {
  const run = await onHome([{ ...office, cloud: false }]);
  const abort = new AbortController();
  const change = run.agent.wifi.change(credentials('office', 'office password'), abort.signal).catch((error: unknown) => error);
  await run.clock.advance(8000);
  abort.abort(new HubError('timeout', 'set_wifi_credentials took too long'));
  expect(await run.clock.settle(change, MINUTES)).toMatchObject({ code: 'timeout' });
  await run.clock.advance(10_000);
  expect(run.hub.network()).toBe('home');
});

test('somebody deletes the checkpoint: the new profile goes, the old network comes back', async () => {
  const run = await onHome([{ ...office, cloud: false }]);
  const change = run.agent.wifi
    .change(credentials('office', 'office password'), new AbortController().signal)
    .catch((error: unknown) => error);
  await run.clock.advance(8000);
  run.hub.endCheckpoint(run.hub.checkpoint()!);
  expect(await run.clock.settle(change, 5 * MINUTES)).toMatchObject({ code: 'wifi_cloud_unreachable' });
  expect(run.hub.network()).toBe('home');
  expectTidy(run);
});

test('NetworkManager stops in the middle and stays away: answered, and put in order when it is back', async () => {
  const run = await onHome([
    { ...office, cloud: false },
    { ssid: 'cafe', security: 'open' },
  ]);
  const change = run.agent.wifi
    .change(credentials('office', 'office password'), new AbortController().signal)
    .catch((error: unknown) => error);
  await run.clock.advance(8000);
  run.hub.restartManager(10 * MINUTES);
  expect(await run.clock.settle(change, 5 * MINUTES)).toMatchObject({ code: 'wifi_rolled_back' });
  expect(run.files.content.size).toBe(1);
  await expect(run.change(credentials('cafe', null))).rejects.toMatchObject({ code: 'wifi_unavailable' });
  await run.clock.advance(10 * MINUTES);
  expect(run.hub.network()).toBe('home');
  await expect(run.change(credentials('cafe', null))).resolves.toMatchObject({ ssid: 'cafe' });
  expectTidy(run);
});

test('the password is in no log line, error or file', async () => {
  const run = await onHome([office]);
  const secret = 'office password';
  await run.change(credentials('office', secret));
  const error = await run.change(credentials('office', 'another password')).catch((thrown: unknown) => thrown);
  const everything = [
    ...run.agent.logged,
    String((error as Error).stack),
    JSON.stringify(error),
    ...[...run.files.content.values()].map(String),
  ].join('\n');
  expect(everything).not.toContain(secret);
  expect(everything).not.toContain('another password');
});

test('tells whether credentials are set, and null when it cannot know', async () => {
  const run = await onHome([]);
  expect(await run.agent.wifi.credentialsSet()).toBe(true);
  run.hub.restartManager();
  expect(await run.agent.wifi.credentialsSet()).toBeNull();
});

test.each(['CheckpointCreate', 'AddConnection2', 'ActivateConnection'])(
  'cancelled while %s is under way: it is taken back when it has acted',
  async (slow) => {
    const run = await onHome([office], { fault: (_step, name, phase) => (name === slow && phase === 'before' ? 'slow' : null) });
    const abort = new AbortController();
    const change = run.agent.wifi.change(credentials('office', 'office password'), abort.signal).catch((error: unknown) => error);
    while (run.agent.life.steps.at(-1) !== slow) await run.clock.advance(10);
    await run.clock.advance(1000);
    abort.abort();
    expect(await run.clock.settle(change, MINUTES)).toMatchObject({ code: 'aborted' });
    await run.clock.advance(10_000);
    expect(run.hub.network()).toBe('home');
    expectTidy(run);
  },
);

test('leftovers of ours go before a change, whatever the marker says; those of others never', async () => {
  const run = await onHome([office]);
  const home = run.hub.profiles()[0]!.settings;
  run.hub.add({ ...home, id: 'hub-agent lost', uuid: 'lost', autoconnect: false });
  const saved = run.hub.find(run.hub.add({ ...home, id: 'hub-agent half', uuid: 'half', autoconnect: false }));
  Object.assign(saved, { place: 'disk' });
  run.hub.add({ ...home, id: 'somebody else', uuid: 'else', autoconnect: false });
  await run.change(credentials('office', 'office password'));
  expect(run.hub.profiles().map((each) => each.settings.id)).toEqual(['factory home', 'somebody else', 'hub-agent office']);
});

test('killed in the middle, then NetworkManager restarts, and the old network does not connect by itself: the next start brings it back', async () => {
  let kill = false;
  const run = await onHome([{ ...office, cloud: false }], { fault: () => (kill ? 'kill' : null) });
  run.hub.profiles()[0]!.settings = { ...run.hub.profiles()[0]!.settings, autoconnect: false };
  void run.agent.wifi.change(credentials('office', 'office password'), new AbortController().signal);
  await run.clock.advance(8000);
  kill = true;
  run.hub.restartManager();
  await run.clock.advance(30_000);
  expect(run.hub.network()).toBeNull();
  const next = createFakeAgent(run.hub, run.clock, { files: run.files });
  expect(await run.clock.settle(next.wifi.start(), MINUTES)).toEqual({ outcome: 'undone' });
  await run.clock.advance(MINUTES);
  expect(run.hub.network()).toBe('home');
  expect(run.hub.profiles().map((each) => each.settings.id)).toEqual(['factory home']);
});

test("a factory reset's forgetting: profiles of ours go, the active one last; the factory's stay, and the hub is back on theirs", async () => {
  const run = await onHome([office, { ssid: 'cafe', security: 'open' }]);
  await run.change(credentials('office', 'office password'));
  await run.change(credentials('cafe', null));
  await run.files.writeAtomic('/state/forget-wifi', '');
  let deleted = 0;
  const order: string[][] = [];
  const agent = createFakeAgent(run.hub, run.clock, {
    files: run.files,
    fault(_step, name, phase) {
      if (name === 'Delete' && phase === 'after') order[deleted++] = run.hub.profiles().map((each) => each.settings.id);
      return null;
    },
  });
  await run.clock.settle(agent.wifi.forget(), MINUTES);
  expect(order).toEqual([['factory home', 'hub-agent cafe'], ['factory home']]);
  run.hub.powerCut();
  await run.clock.advance(MINUTES);
  expect(run.hub.profiles().map((each) => each.settings.id)).toEqual(['factory home']);
  expect(run.hub.network()).toBe('home');
  expectTidy(run);
});

test('NetworkManager does not answer when it is to forget: in bounded time, and the next start does it', async () => {
  const run = await onHome([office]);
  await run.change(credentials('office', 'office password'));
  await run.files.writeAtomic('/state/forget-wifi', '');
  const deaf = createFakeAgent(run.hub, run.clock, { files: run.files, fault: (_step, name) => (name === 'Delete' ? 'hang' : null) });
  const before = run.clock.nowMs();
  await run.clock.settle(deaf.wifi.forget(), MINUTES);
  expect(run.clock.nowMs() - before).toBeLessThan(10_000);
  await deaf.wifi.stop();
  await run.clock.advance(MINUTES);
  expect([...run.files.content.keys()]).toEqual(['/state/forget-wifi']);
  const next = createFakeAgent(run.hub, run.clock, { files: run.files });
  await run.clock.settle(next.wifi.start(), MINUTES);
  next.wifi.linkUp();
  expect(run.hub.profiles().map((each) => each.settings.id)).toEqual(['factory home']);
  await run.clock.advance(MINUTES);
  expectTidy(run);
});

test('a change under way goes back before its profile is forgotten', async () => {
  const run = await onHome([{ ...office, cloud: false }]);
  const change = run.agent.wifi
    .change(credentials('office', 'office password'), new AbortController().signal)
    .catch((error: unknown) => error);
  await run.clock.advance(8000);
  await run.clock.settle(run.agent.wifi.forget(), MINUTES);
  expect(await change).toMatchObject({ code: 'aborted' });
  await run.clock.advance(MINUTES);
  expect(run.hub.network()).toBe('home');
  expectTidy(run);
});
