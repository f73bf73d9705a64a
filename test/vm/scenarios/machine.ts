import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AccessPoint } from '../air.ts';
import type { VirtualHub } from '../hub.ts';
import { currentSsid, deleteOtherProfiles, reachesHost, WIFI_INTERFACE, waitForNetwork, waitForScan, writeProfile } from '../network.ts';
import { createExpectations, type Outcome, type Scenario } from '../scenario.ts';

const HOME: AccessPoint = { name: 'home', radio: 0, ssid: 'Home', security: { kind: 'wpa2', passphrase: 'the home network' } };
const AWAY: AccessPoint = { name: 'away', radio: 1, ssid: 'Away', security: { kind: 'wpa2', passphrase: 'the other network' } };
const NETWORK_MANAGER = 'org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager';
/** NetworkManager goes back within 13 s of a rollback when the access point is not cached; the emulated machine may be busy. */
const ROLLBACK_TIMEOUT_MS = 60_000;

function machine(
  name: string,
  work: (hub: VirtualHub, expect: (condition: boolean, otherwise: string) => void) => Promise<string>,
): Scenario {
  return {
    name: `machine: ${name}`,
    kind: 'machine',
    async run({ hub }): Promise<Outcome> {
      const { problems, expect } = createExpectations();
      const started = performance.now();
      const answer = await work(hub, expect);
      return { network: await currentSsid(hub), answer, tookMs: performance.now() - started, problems };
    },
  };
}

async function beHome(hub: VirtualHub): Promise<void> {
  await hub.air.start(HOME);
  await writeProfile(hub, 'home', HOME);
  await deleteOtherProfiles(hub, 'home');
  await waitForScan(hub, HOME.ssid);
  await hub.run('nmcli connection up home', { timeoutMs: 60_000 });
  await waitForNetwork(hub, HOME.ssid);
}

/** Tries a profile inside a checkpoint; the exit code of the activation. */
async function tryInCheckpoint(hub: VirtualHub, profile: string): Promise<number> {
  const device = (await hub.must(`busctl call ${NETWORK_MANAGER} GetDeviceByIpIface s ${WIFI_INTERFACE}`)).split('"')[1];
  const checkpoint = (await hub.must(`busctl call ${NETWORK_MANAGER} CheckpointCreate aouu 1 ${device} 120 2`)).split('"')[1];
  const { exitCode } = await hub.run(`nmcli connection up ${profile}`, { timeoutMs: 90_000 });
  const verb = exitCode === 0 ? 'CheckpointDestroy' : 'CheckpointRollback';
  await hub.must(`busctl call ${NETWORK_MANAGER} ${verb} o ${checkpoint}`);
  return exitCode;
}

/** What the virtual hub promises, shown without the agent. Each starts from what the one before left. */
export const machineScenarios: Scenario[] = [
  machine('joins a network, reaches the host over the air', async (hub, expect) => {
    await beHome(hub);
    const server = createServer((socket) => socket.end('cloud'));
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    try {
      expect(await reachesHost(hub, port), 'the host is not reached over Wi-Fi');
      await hub.air.start({ ...HOME, cloud: false });
      await waitForNetwork(hub, HOME.ssid);
      expect(!(await reachesHost(hub, port)), 'the host is reached past a network that forwards nothing');
      await hub.air.start(HOME);
      await waitForNetwork(hub, HOME.ssid);
    } finally {
      server.close();
    }
    return 'reached, and not when cut';
  }),

  machine('wrong password rolls back', async (hub, expect) => {
    await hub.air.start(AWAY);
    await writeProfile(hub, 'wrong', AWAY, 'not the password');
    await waitForScan(hub, AWAY.ssid);
    expect((await tryInCheckpoint(hub, 'wrong')) !== 0, 'a wrong password was taken');
    await waitForNetwork(hub, HOME.ssid, ROLLBACK_TIMEOUT_MS);
    await deleteOtherProfiles(hub, 'home');
    return 'rolled back';
  }),

  machine('right password moves', async (hub, expect) => {
    await writeProfile(hub, 'away', AWAY);
    expect((await tryInCheckpoint(hub, 'away')) === 0, 'the right password was refused');
    await waitForNetwork(hub, AWAY.ssid);
    return 'moved';
  }),

  machine('access point off: back on the old network', async (hub) => {
    await hub.air.stop('away');
    await waitForNetwork(hub, HOME.ssid, 120_000);
    await deleteOtherProfiles(hub, 'home');
    return 'went back';
  }),

  machine('open, hidden, SAE', async (hub, expect) => {
    const variants: AccessPoint[] = [
      { name: 'open', radio: 2, ssid: 'Open', security: { kind: 'open' } },
      { name: 'hidden', radio: 2, ssid: 'Hidden', hidden: true, security: { kind: 'wpa2', passphrase: 'out of sight' } },
      { name: 'sae', radio: 2, ssid: 'Sae', security: { kind: 'sae', passphrase: 'a third kind' } },
    ];
    for (const variant of variants) {
      await hub.air.start(variant);
      await writeProfile(hub, variant.name, variant);
      if (!variant.hidden) await waitForScan(hub, variant.ssid);
      await hub.run(`nmcli connection up ${variant.name}`, { timeoutMs: 60_000 });
      expect((await currentSsid(hub)) === variant.ssid, `${variant.name} was not joined`);
      await hub.air.stop(variant.name);
      await deleteOtherProfiles(hub, 'home');
    }
    await beHome(hub);
    return 'joined';
  }),

  machine('no address without DHCP', async (hub, expect) => {
    const mute: AccessPoint = { name: 'mute', radio: 2, ssid: 'Mute', security: { kind: 'open' }, dhcp: false };
    await hub.air.start(mute);
    await writeProfile(hub, 'mute', mute);
    await waitForScan(hub, mute.ssid);
    const { exitCode } = await hub.run('nmcli connection up mute', { timeoutMs: 60_000 });
    expect(exitCode !== 0, 'a network without DHCP gave an address');
    await hub.air.stop('mute');
    await beHome(hub);
    return 'refused';
  }),

  machine('serial ports, and an adapter that is pulled', async (hub, expect) => {
    for (const name of ['isa', 'pci', 'usb'] as const) {
      if (name === 'usb') await hub.serial.plug();
      const wire = await hub.serial.open(name);
      const received: Buffer[] = [];
      const done = new Promise<void>((resolve) => {
        wire.onData((bytes) => {
          received.push(bytes);
          if (Buffer.concat(received).includes('from the hub')) resolve();
        });
      });
      const path = hub.serial.path(name);
      const reading = hub.must(`exec 3<> ${path}; stty 9600 raw -echo <&3; echo from the hub >&3; head -c 12 <&3`);
      await done;
      wire.write(Buffer.from('from outside'));
      expect((await reading) === 'from outside', `${name}: what was sent did not arrive`);
      if (name === 'usb') {
        const reader = hub.run(`cat ${path}`, { timeoutMs: 30_000 });
        await hub.serial.yank();
        expect((await reader).exitCode !== 124, 'a reader of a pulled adapter hangs');
        await hub.serial.plug();
      }
      wire.close();
    }
    await hub.serial.yank();
    return 'both ways, end of file, same path again';
  }),

  machine('clock', async (hub, expect) => {
    const before = await hub.clock();
    expect(Math.abs(before.offsetMs) < 10_000, `the clock is ${before.offsetMs} ms off`);
    await hub.setClock(Date.UTC(2000, 0, 1));
    expect((await hub.clock()).nowMs < Date.UTC(2000, 0, 2), 'the clock could not be set');
    await hub.setClock(Date.now());
    return 'set and read';
  }),

  machine('evidence finds a secret in an argument list, and none where it belongs', async (hub, expect) => {
    const shown = `shown-${randomBytes(8).toString('hex')}`;
    const kept = `kept-${randomBytes(8).toString('hex')}`;
    const written = `written-${randomBytes(8).toString('hex')}`;
    await hub.must(`true; /bin/true ${shown}`);
    await hub.must('cat > /dev/null', { input: kept });
    await hub.must('cat > /var/tmp/left; logger -t test $(head -c 7 /var/tmp/left)', { input: written });
    const secrets = [shown, kept, written, (HOME.security as { passphrase: string }).passphrase];
    const found = await hub.evidence.find(secrets.map((text, index) => ({ label: String(index), text })));
    const places = (label: string) => found.filter((finding) => finding.label === label).map(({ place }) => place);
    expect(places('0').includes('execTrace'), 'an argument of a short-lived program went unseen');
    expect(places('1').length === 0, `what nobody leaked was found in ${places('1')}`);
    expect(places('2').includes('/var/tmp/left'), 'a file with a secret went unseen');
    expect(places('3').length === 0, `the stored password was found in ${places('3')}`);
    await hub.must('rm /var/tmp/left');
    return 'found';
  }),

  machine('power cut: written is kept, unwritten is lost, home again', async (hub, expect) => {
    await hub.must('echo kept > /root/kept; sync; echo lost > /root/lost');
    await hub.powerCut();
    expect((await hub.run('grep -q kept /root/kept')).exitCode === 0, 'a synced file was lost');
    expect((await hub.run('grep -q lost /root/lost')).exitCode !== 0, 'an unsynced file survived');
    await waitForNetwork(hub, HOME.ssid, 120_000);
    return 'as a disk would';
  }),
];
