import { describe, expect, test } from 'vitest';
import { hasDbusDaemon } from '../twins/network-manager/index.ts';
import { startOnline } from './rig/start.ts';
import { startRigWifi, WITH_WIFI } from './rig/wifi.ts';
import { installNmcli, nmcliLine } from './wifi/fake-nmcli.ts';

const PASSWORD = 'correct horse battery';
/** At 4 the checkpoint stands for 30 s of ours, which is enough for an agent on a busy machine. */
const SPEED = 4;

/** What stands in the air, and what may be reported of it. */
const NAMES: [string, Buffer, string][] = [
  ['a line feed and a word of nmcli', Buffer.from('x\nyes'), 'x\\x0ayes'],
  ['NUL, an escape sequence, bidi', Buffer.from('\0\x1b[2J\u202e'), '\\x00\\x1b[2J\\xe2\\x80\\xae'],
  ['32 bytes that are no UTF-8', Buffer.alloc(32, 0xfe), '\\xfe'.repeat(32)],
];

describe.skipIf(!hasDbusDaemon())("names on the air are anybody's", { concurrent: true }, () => {
  test.each(NAMES)("%s: as a neighbour's, as the hub's own", async (_, name, text) => {
    const lines = [
      nmcliLine(name, { index: 1 }),
      nmcliLine(name, { index: 2, active: true }),
      nmcliLine(Buffer.from('away'), { index: 3 }),
    ];
    await using nmcli = await installNmcli(Buffer.concat(lines));
    const air = [
      { ssid: 'a neighbour', bytes: name, security: 'open' as const },
      { ssid: 'away', security: 'wpa-psk' as const, password: PASSWORD },
    ];
    await using wifi = await startRigWifi({ air, speed: SPEED, home: name });
    await wifi.untilNetwork('home');
    await using world = await startOnline({ config: WITH_WIFI, env: { ...wifi.env, PATH: nmcli.path } });
    const { rig, agent } = world;
    expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED', result: { wifi: { ssid: text } } });
    const answer = await rig.run('set_wifi_credentials', { ssid: 'away', credentials: PASSWORD });
    expect(answer).toMatchObject({ status: 'SUCCEEDED', result: { ssid: 'away', previousSsid: text } });
    expect(await agent.stop()).toBe(0);
  });
});

test.runIf(!hasDbusDaemon())('names on the air', ({ skip }) => {
  const note = 'dbus-daemon is not installed here: the names on the air were not tried';
  process.stdout.write(`${note}\n`);
  skip(note);
});
