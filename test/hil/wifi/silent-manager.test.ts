import type { EventEmitter } from 'node:events';
import { sessionBus } from '@jellybrick/dbus-next';
import { expect, onTestFinished, test } from 'vitest';
import { hasDbusDaemon, startPrivateBus } from '../../twins/network-manager/index.ts';
import { runHubctl } from '../rig/hubctl.ts';
import { startOnline } from '../rig/start.ts';

test.skipIf(!hasDbusDaemon())('a NetworkManager that hangs is named by hubctl wifi status, and holds up no answer', async () => {
  const daemon = await startPrivateBus();
  onTestFinished(() => daemon.stop());
  const manager = sessionBus({ busAddress: daemon.address });
  await new Promise<void>((resolve, reject) => (manager as EventEmitter).once('connect', resolve).once('error', reject));
  onTestFinished(() => manager.disconnect());
  // Takes every call, and answers none.
  manager.addMethodHandler(({ interface: name }) => name !== 'org.freedesktop.DBus.Peer');
  await manager.requestName('org.freedesktop.NetworkManager', 4);
  await using online = await startOnline({
    config: { wifi: { backend: 'networkmanager' } },
    env: { DBUS_SYSTEM_BUS_ADDRESS: daemon.address },
  });
  const { code, terminal } = await runHubctl(online.rig, 'wifi status --json');
  expect(code).not.toBe(75);
  expect(JSON.parse(terminal.text())).toMatchObject({ connection: null, reason: 'no_reply' });
});
