import { expect, test } from 'vitest';
import { listNetworks } from '../../../../agent/wifi/survey/list.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { createFakeHub } from '../../../twins/network-manager/hub.ts';
import { createAgentLife } from '../fake-network-manager.ts';

function setup() {
  const clock = createSteppedClock();
  const hub = createFakeHub(clock, {
    air: [
      { ssid: 'weak', security: 'open', strengthPercent: 20 },
      { ssid: 'büro:7', security: 'mixed', strengthPercent: 80 },
      { ssid: 'büro:7', security: 'wpa-psk', strengthPercent: 60 },
      { ssid: 'firm', security: 'enterprise', strengthPercent: 40 },
    ],
  });
  const { manager, steps } = createAgentLife(hub, clock);
  const list = (interfaceName: string | null = null) =>
    clock.settle(listNetworks({ networkManager: manager, interfaceName, clock }), 60_000);
  return { hub, list, steps };
}

test('lists each network once, the strongest first, with names as they are', async () => {
  const { list } = setup();
  expect((await list()).map(({ ssid, signalDbm, security }) => ({ ssid, signalDbm, security: security.toSorted() }))).toEqual([
    { ssid: 'büro:7', signalDbm: -60, security: ['psk', 'sae'] },
    { ssid: 'firm', signalDbm: -80, security: ['other'] },
    { ssid: 'weak', signalDbm: -90, security: ['open'] },
  ]);
});

test('does without a scan that is refused', async () => {
  const { hub, list } = setup();
  hub.world.missing.push('org.freedesktop.NetworkManager.wifi.scan');
  expect(await list()).toHaveLength(3);
});

test('says which interface is not there', async () => {
  const { list } = setup();
  await expect(list('wlan9')).rejects.toMatchObject({ code: 'wifi_unavailable', message: expect.stringContaining('wlan9') });
});
