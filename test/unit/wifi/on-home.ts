import { expect } from 'vitest';
import type { WifiCredentials } from '../../../agent/contract/wifi.ts';
import { Secret } from '../../../agent/system/secret.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import type { FakeAccessPoint } from '../../twins/network-manager/air.ts';
import { createFakeHub } from '../../twins/network-manager/hub.ts';
import { createFakeAgent } from './fake-agent.ts';

export const office: FakeAccessPoint = { ssid: 'office', security: 'wpa-psk', password: 'office password' };
const HOME: FakeAccessPoint = { ssid: 'home', security: 'wpa-psk', password: 'home password' };
export const MINUTES = 60_000;

/** What a command asks for. */
export function credentials(ssid: string, password: string | null, rest: Partial<WifiCredentials> = {}): WifiCredentials {
  return { ssid, credentials: password === null ? null : new Secret(password), hidden: false, ...rest };
}

/** An agent that reaches the cloud on a hub that is on `home`, by a profile of the factory. */
export async function onHome(
  air: FakeAccessPoint[],
  {
    point,
    known,
    ...options
  }: Parameters<typeof createFakeAgent>[2] & { point?: Partial<FakeAccessPoint>; known?: { hidden?: boolean } } = {},
) {
  const clock = createSteppedClock();
  const profile = { ssid: Buffer.from('home'), password: 'home password', ...known };
  const hub = createFakeHub(clock, { air: [{ ...HOME, ...point }, ...air], known: [profile] });
  await clock.advance(10_000);
  const files = createMemoryFiles();
  const agent = createFakeAgent(hub, clock, { files, ...options });
  await clock.settle(agent.wifi.start(), MINUTES);
  agent.wifi.linkUp();
  const change = (wanted: WifiCredentials, signal = new AbortController().signal) =>
    clock.settle(agent.wifi.change(wanted, signal), 6 * MINUTES);
  return { clock, hub, agent, files, change };
}

/** Nothing of a change is left: no checkpoint, marker, timer, unproven profile. */
export function expectTidy({ hub, files, clock }: Awaited<ReturnType<typeof onHome>>) {
  expect(hub.checkpoint()).toBeNull();
  expect([...files.content.keys()]).toEqual([]);
  expect(hub.profiles().filter((each) => each.place === 'memory' || !each.settings.autoconnect)).toEqual([]);
  expect(hub.listeners.size).toBe(0);
  expect(clock.timers).toBe(0);
}
