import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hasDbusDaemon } from '../twins/network-manager/index.ts';
import { createLeakHunt } from './rig/leaks.ts';
import { startOnline, untilTaken } from './rig/start.ts';
import { startRigWifi, WITH_WIFI } from './rig/wifi.ts';

const unique = (length: number) => randomBytes(length).toString('base64url').slice(0, length);
/** The agent says as much as it can. */
const TALKATIVE = { log: { level: 'trace' } };

describe.concurrent('no secret in any log, file, message, shadow, argument or environment', () => {
  test('of credentials with and without a good shape, on a hub without Wi-Fi', async () => {
    const good = [unique(8), unique(63), `"${unique(12)}\\ $(id)`, randomBytes(32).toString('hex')];
    const misshapen = [unique(7), unique(64), `${unique(12)}é`];
    const attempts: [secret: string, args: Record<string, unknown>][] = [...good, ...misshapen].map((secret) => [
      secret,
      { ssid: 'büro', credentials: secret },
    ]);
    const elsewhere: ((secret: string) => Record<string, unknown>)[] = [
      (secret) => ({ ssid: 'x', credentials: secret, security: 'open' }),
      (secret) => ({ ssid: 'x', credentials: { psk: secret } }),
      (secret) => ({ ssid: '', credentials: secret, security: secret }),
      (secret) => ({ ssid: 'x', password: secret, credentials: 1 }),
    ];
    for (const argsWith of elsewhere) {
      const secret = unique(16);
      attempts.push([secret, argsWith(secret)]);
    }
    await using world = await startOnline({ config: { ...TALKATIVE, wifi: { backend: 'auto' } } });
    const { rig, agent } = world;
    // For a command that does not exist, and for one that does not want it.
    const misplaced = unique(16);
    const hunt = createLeakHunt(rig, [...attempts.map(([secret]) => secret), misplaced]);
    hunt.follow(agent);
    for (const [secret, args] of attempts) {
      const { status } = await rig.run('set_wifi_credentials', args);
      expect(['FAILED', 'REJECTED']).toContain(status);
      await untilTaken(rig);
      hunt.taken(secret);
    }
    for (const command of ['set_wifi_credential', 'server_info']) await rig.run(command, { ssid: 'x', credentials: misplaced });
    hunt.taken(misplaced);
    expect(await rig.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED' });
    expect(hunt.findings()).toEqual([]);
    expect(await agent.stop()).toBe(0);
    expect(hunt.findings()).toEqual([]);
    expect(hunt.samples).toBeGreaterThan(attempts.length);
    // It does find what is there.
    const control = createLeakHunt(rig, [rig.hubId]);
    control.follow(agent);
    expect(control.findings()).toEqual(expect.arrayContaining([expect.stringMatching(/output/), expect.stringMatching(/shadow/)]));
    control.stop();
    hunt.stop();
  });

  test.skipIf(!hasDbusDaemon())('of credentials that are tried, wrong and right, with a process killed in between', async () => {
    const [right, wrong, cut] = [unique(20), unique(20), unique(20)];
    await using wifi = await startRigWifi({ air: [{ ssid: 'büro', security: 'wpa-psk', password: right }], speed: 20 });
    await using world = await startOnline({ config: { ...TALKATIVE, ...WITH_WIFI }, env: wifi.env });
    const { rig, agent } = world;
    const hunt = createLeakHunt(rig, [right, wrong, cut]);
    hunt.follow(agent);
    const change = (secret: string) => rig.run('set_wifi_credentials', { ssid: 'büro', credentials: secret });

    expect(await change(wrong)).toMatchObject({ status: 'FAILED', error: { code: 'wifi_authentication_failed' } });
    hunt.taken(wrong);
    const since = agent.lines.length;
    const failed = rig.reported().lastCommand as { id: string };
    await rig.send('set_wifi_credentials', { ssid: 'büro', credentials: cut });
    await agent.waitFor('wifi_change', { since, where: ({ to }) => to === 'connecting' });
    hunt.taken(cut);
    expect(hunt.findings()).toEqual([]);
    await agent.kill();
    expect(hunt.findings()).toEqual([]);
    const next = rig.startAgent({ env: wifi.env });
    hunt.follow(next);
    expect(await rig.answer({ not: [failed.id] })).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
    await next.waitFor('wifi_change_recovered');
    await wifi.untilNetwork('home');
    expect(await change(right)).toMatchObject({ status: 'SUCCEEDED' });
    hunt.taken(right);
    await rig.run('server_info');
    expect(await next.stop()).toBe(0);
    expect(hunt.findings()).toEqual([]);
    hunt.stop();
  });
});
