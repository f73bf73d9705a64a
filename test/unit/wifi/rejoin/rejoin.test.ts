import { describe, expect, test } from 'vitest';
import { POLKIT_ACTION } from '../../../../agent/wifi/networkmanager/network-manager.ts';
import { createFakeAgent } from '../fake-agent.ts';
import { isBusCall } from '../fake-network-manager.ts';
import { credentials, MINUTES, office, onHome } from '../on-home.ts';

const attempts = (logged: string[]) => logged.filter((line) => line.includes('"wifi_rejoin"'));

/** On `home`, then a frame of the handshake is lost: NetworkManager does not join it again by itself. */
async function givenUp(...args: Parameters<typeof onHome>) {
  const run = await onHome(...args);
  run.hub.loseHandshake();
  run.agent.wifi.linkDown();
  return run;
}

test('NetworkManager alone stays offline; the agent joins the network again after two minutes', async () => {
  const { hub, clock, agent } = await onHome([]);
  hub.loseHandshake();
  await clock.advance(60 * MINUTES);
  expect(hub.network()).toBeNull();
  agent.wifi.linkDown();
  await clock.advance(2 * MINUTES);
  expect(hub.network()).toBe('home');
  expect(attempts(agent.logged)).toHaveLength(1);
  expect(agent.logged.join()).not.toContain('home password');
});

test('from the start on, without a session ever', async () => {
  const { hub, clock, agent } = await onHome([]);
  await agent.wifi.stop();
  hub.loseHandshake();
  const next = createFakeAgent(hub, clock);
  await clock.settle(next.wifi.start(), MINUTES);
  await clock.advance(2 * MINUTES);
  expect(hub.network()).toBe('home');
  await next.wifi.stop();
  next.wifi.linkDown();
  expect(clock.timers).toBe(0);
});

test('while the cloud is reached over a cable, the Wi-Fi is left as it is', async () => {
  const { hub, clock, agent } = await givenUp([]);
  agent.wifi.linkUp();
  await clock.advance(30 * MINUTES);
  expect(hub.network()).toBeNull();
  expect(clock.timers).toBe(0);
});

test('a password that is wrong now: tried ever more seldom, and the hub is back when it is right again', async () => {
  const { hub, clock, agent } = await onHome([]);
  hub.air[0]!.password = 'another one';
  hub.loseHandshake();
  agent.wifi.linkDown();
  await clock.advance(6 * 60 * MINUTES);
  const tried = attempts(agent.logged).length;
  expect(tried).toBeGreaterThan(5);
  expect(tried).toBeLessThan(20);
  hub.air[0]!.password = 'home password';
  await clock.advance(31 * MINUTES);
  expect(hub.network()).toBe('home');
});

test('a network that is not in reach is not tried; one that comes back is', async () => {
  const { hub, clock, agent } = await givenUp([]);
  hub.switchAccessPoint('home', false);
  await clock.advance(60 * MINUTES);
  expect(attempts(agent.logged)).toEqual([]);
  hub.switchAccessPoint('home', true);
  await clock.advance(2 * MINUTES);
  expect(hub.network()).toBe('home');
});

test('a network that hides its name is tried without being seen', async () => {
  const known = { hidden: true };
  const { hub, clock } = await givenUp([], { point: { hidden: true }, known });
  await clock.advance(3 * MINUTES);
  expect(hub.network()).toBe('home');
});

test('disconnected by hand: it stays so, and the report says so', async () => {
  const { hub, clock, agent } = await onHome([]);
  hub.disconnectByHand();
  agent.wifi.linkDown();
  await clock.advance(60 * MINUTES);
  expect(hub.network()).toBeNull();
  expect(await agent.wifi.notJoined()).toEqual({ ssid: 'home', device: 'wlan0', byHand: true });
});

test('taken down by hand, which D-Bus does not show: joined again while the cloud is not reached', async () => {
  const { hub, clock, agent } = await onHome([]);
  hub.takeDown();
  await clock.advance(30 * MINUTES);
  expect(hub.network()).toBeNull();
  agent.wifi.linkDown();
  await clock.advance(2 * MINUTES);
  expect(hub.network()).toBe('home');
});

test('a change that failed leads back to no network, which is not mistaken for a request of a person', async () => {
  const run = await givenUp([{ ...office, cloud: false }]);
  await expect(run.change(credentials('office', 'office password'))).rejects.toMatchObject({ code: 'wifi_cloud_unreachable' });
  await run.clock.advance(3 * MINUTES);
  expect(run.hub.network()).toBe('home');
});

test('a change waits until NetworkManager has taken what it was told to join', async () => {
  let isHeld = true;
  const run = await givenUp([office], {
    fault(_step, name, phase) {
      if (name !== 'ActivateConnection' || phase !== 'before' || !isHeld) return null;
      isHeld = false;
      return 'slow';
    },
  });
  await run.clock.until(() => attempts(run.agent.logged).length > 0, 3 * MINUTES);
  expect(await run.change(credentials('office', 'office password'))).toMatchObject({ ssid: 'office' });
});

test('what a factory reset has to delete is deleted first', async () => {
  const run = await onHome([office]);
  await run.change(credentials('office', 'office password'));
  await run.clock.settle(run.agent.wifi.stop(), MINUTES);
  run.hub.loseHandshake();
  run.hub.remove(run.hub.profiles().find(({ settings }) => settings.id === 'factory home')!);
  await run.files.writeAtomic('/state/forget-wifi', '');
  let isDeaf = true;
  const fault = (_step: number, name: string) => (isDeaf && isBusCall(name) ? ('hang' as const) : null);
  const next = createFakeAgent(run.hub, run.clock, { files: run.files, fault });
  await run.clock.settle(next.wifi.start(), MINUTES);
  await run.clock.advance(MINUTES);
  isDeaf = false;
  await run.clock.advance(10 * MINUTES);
  expect(run.hub.profiles()).toEqual([]);
  expect(attempts(next.logged)).toEqual([]);
});

test('an activation that is refused is told', async () => {
  const { hub, agent, clock } = await givenUp([]);
  hub.world.missing = [POLKIT_ACTION.control];
  await clock.advance(2 * MINUTES);
  const told = agent.logged.map((line) => JSON.parse(line)).filter(({ event }) => event === 'wifi_rejoin_failed');
  expect(told).toMatchObject([{ level: 40, problem: 'permission_denied' }]);
});

test.each(['linkUp', 'stop', 'forget'] as const)('a look in flight at %s joins nothing', async (end) => {
  let looks = 0;
  const run = await givenUp([], {
    fault: (_step, name, phase) => (name === 'ListConnections' && phase === 'before' && ++looks >= 3 ? 'slow' : null),
  });
  await run.clock.until(() => looks >= 3, 10 * MINUTES);
  await run.clock.settle(Promise.resolve(run.agent.wifi[end]()), MINUTES);
  await run.clock.advance(20 * MINUTES);
  expect(run.agent.life.steps).not.toContain('ActivateConnection');
  expect(run.clock.timers).toBe(0);
});

test('a change that begins while a look is in flight is not disturbed', async () => {
  let looks = 0;
  const run = await givenUp([office], {
    fault: (_step, name, phase) => (name === 'ListConnections' && phase === 'before' && ++looks === 3 ? 'slow' : null),
  });
  await run.clock.until(() => looks === 3, 10 * MINUTES);
  expect(await run.change(credentials('office', 'office password'))).toMatchObject({ ssid: 'office' });
  expect(attempts(run.agent.logged)).toEqual([]);
});

describe('the report', () => {
  test('names the network that is given up', async () => {
    const { agent } = await givenUp([]);
    expect(await agent.wifi.notJoined()).toEqual({ ssid: 'home', device: 'wlan0', byHand: false });
  });

  test('is empty on a network, out of reach of any, and without NetworkManager', async () => {
    const { hub, agent } = await onHome([office]);
    expect(await agent.wifi.notJoined()).toBeNull();
    hub.switchAccessPoint('home', false);
    expect(await agent.wifi.notJoined()).toBeNull();
    hub.world.hasDevice = false;
    expect(await agent.wifi.notJoined()).toBeNull();
  });
});
