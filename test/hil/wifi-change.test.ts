import { describe, expect, test } from 'vitest';
import { hasDbusDaemon } from '../twins/network-manager/index.ts';
import { examine } from './doctor/examine.ts';
import { runsOf, startOnline, untilOnline } from './rig/start.ts';
import { startRigWifi, WITH_WIFI } from './rig/wifi.ts';

const PASSWORD = 'correct horse battery';
const AIR = [{ ssid: 'büro', security: 'wpa-psk' as const, password: PASSWORD }];

describe.skipIf(!hasDbusDaemon())('set_wifi_credentials with NetworkManager on a message bus', { concurrent: true }, () => {
  test('a wrong password leads back to the old network; the right one moves the hub and proves the cloud on a new session', async () => {
    await using wifi = await startRigWifi({ air: AIR, speed: 4 });
    await using world = await startOnline({ config: WITH_WIFI, env: wifi.env });
    const { rig } = world;
    expect(await rig.run('set_wifi_credentials', { ssid: 'büro', credentials: 'not the password' })).toMatchObject({
      status: 'FAILED',
      error: { code: 'wifi_authentication_failed' },
    });
    await wifi.untilNetwork('home');
    const { session } = rig.reported();
    const answer = await rig.run('set_wifi_credentials', { ssid: 'büro', credentials: PASSWORD });
    expect(answer).toMatchObject({
      status: 'SUCCEEDED',
      result: { ssid: 'büro', previousSsid: 'home', ipv4: '192.168.7.20', durationMs: expect.any(Number) },
    });
    expect(wifi.hub.network()).toBe('büro');
    expect(wifi.hub.checkpoint()).toBeNull();
    expect(rig.reported()).toMatchObject({ online: true });
    expect(rig.reported().session).not.toBe(session);
    expect(await rig.run('server_info')).toMatchObject({ result: { wifiCredentialsSet: true } });
  });

  test.each([
    ['gives the network up', 'loseHandshake', 'wifi_not_joined'],
    ['was told by a person to leave it', 'disconnectByHand', 'wifi_disconnected_by_hand'],
  ] as const)('NetworkManager %s: doctor names it', async (_what, happens, code) => {
    await using wifi = await startRigWifi({ air: AIR, speed: 5 });
    await using world = await startOnline({ config: WITH_WIFI, env: wifi.env });
    wifi.hub[happens]();
    expect(await examine(world.rig, 'wifi')).toMatchObject([
      { status: 'warn', code, subject: 'wlan0', finding: expect.stringContaining('home') },
    ]);
  });

  test('killed in the middle: not tried again, answered as interrupted, and the old network is back', async () => {
    await using wifi = await startRigWifi({ air: AIR, speed: 5 });
    await using world = await startOnline({ config: WITH_WIFI, env: wifi.env });
    const { rig, agent } = world;
    const { session } = rig.reported();
    await rig.send('set_wifi_credentials', { ssid: 'büro', credentials: PASSWORD });
    await agent.waitFor('wifi_change', { where: ({ to }) => to === 'connecting' });
    await agent.kill();
    expect(wifi.hub.checkpoint()).not.toBeNull();
    const next = rig.startAgent({ env: wifi.env });
    await untilOnline(rig, String(session));
    const answer = await rig.answer();
    expect(answer).toMatchObject({ command: 'set_wifi_credentials', status: 'FAILED', error: { code: 'interrupted' } });
    await next.waitFor('wifi_change_recovered');
    await wifi.untilNetwork('home');
    expect(wifi.hub.checkpoint()).toBeNull();
    expect(runsOf(answer.id, agent)).toBe(1);
    expect(runsOf(answer.id, next)).toBe(0);
    expect(rig.results.filter(({ id }) => id === answer.id)).toHaveLength(1);
  });

  test('the power cut once the new network was saved: answered as done when the hub is back on it', async () => {
    await using wifi = await startRigWifi({ air: AIR, speed: 4 });
    await using world = await startOnline({ config: WITH_WIFI, env: wifi.env });
    const { rig, agent } = world;
    const { session } = rig.reported();
    await rig.send('set_wifi_credentials', { ssid: 'büro', credentials: PASSWORD });
    await agent.waitFor('wifi_change', { where: ({ to }) => to === 'committing' });
    await agent.kill();
    wifi.hub.sync();
    wifi.hub.powerCut();
    const next = rig.startAgent({ env: wifi.env });
    await untilOnline(rig, String(session));
    const answer = await rig.answer();
    expect(answer).toMatchObject({ status: 'SUCCEEDED', result: { ssid: 'büro', previousSsid: 'home', ipv4: '192.168.7.20' } });
    expect(runsOf(answer.id, next)).toBe(0);
    expect(wifi.hub.network()).toBe('büro');
  });

  test('SIGTERM in the middle: back to the old network, answered, a clean end', async () => {
    await using wifi = await startRigWifi({ air: AIR, speed: 5 });
    await using world = await startOnline({ config: WITH_WIFI, env: wifi.env });
    const { rig, agent } = world;
    await rig.send('set_wifi_credentials', { ssid: 'büro', credentials: PASSWORD });
    await agent.waitFor('wifi_change', { where: ({ to }) => to === 'connecting' });
    expect(await agent.stop()).toBe(0);
    rig.startAgent({ env: wifi.env });
    expect(await rig.answer()).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
    await wifi.untilNetwork('home');
  });
});

test.runIf(!hasDbusDaemon())('the Wi-Fi change', ({ skip }) => {
  const note = 'dbus-daemon is not installed here: the Wi-Fi change over a message bus was not run';
  process.stdout.write(`${note}\n`);
  skip(note);
});
